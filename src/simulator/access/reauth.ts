import type { Call } from '../core/call.ts';
import { fail, forbidden, parameterError } from '../core/errors.ts';
import type { User } from '../state/types.ts';
import { same } from './secrets.ts';

/** Whether this is the user's password. Where it was never known, the first one that comes is taken (a capture has none). */
export function isPassword(user: User, password: string): boolean {
  if (user.passwordUnknown === true && password !== '') {
    user.password = password;
    delete user.passwordUnknown;
  }
  return user.password !== undefined && same(user.password, password);
}

/** The user of the path, if the caller may change how that user logs in: others than root show their own password. */
export function assertMayModify(call: Call, param: string): User {
  const { params, principal, world } = call;
  const userid = params.text('userid');
  const user = world.state.users.get(userid);
  if (user === undefined) throw fail(`no such user ('${userid}')`);
  if (userid === 'root@pam' && principal.user !== 'root@pam') throw forbidden();
  if (principal.root) return user;
  const password = params.maybe(param);
  if (password === undefined) throw parameterError({ [param]: 'password is required to modify user' });
  const caller = world.state.users.get(principal.user);
  if (caller === undefined || !isPassword(caller, password)) throw fail('invalid credentials');
  return user;
}
