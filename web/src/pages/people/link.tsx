import { SHOWN_BEFORE } from '../../api/attempts.ts';
import type { InvitedPerson } from '../../api/people_types.ts';
import { CopyText } from '../../parts/copy.tsx';
import { Ago } from '../../parts/time.tsx';

/** The link that lets somebody in; it can be seen only now. */
export function InviteLink({ person: { name, invitation } }: { person: InvitedPerson }) {
  if (invitation === undefined) return <p>{name} signs in elsewhere and needs no link.</p>;
  if (invitation.code === SHOWN_BEFORE)
    return (
      <div role="alert" className="rounded-md border border-warn bg-warn-soft px-3 py-2">
        <p className="font-medium">{name} is invited, and the answer that showed the link was lost.</p>
        <p>A link is shown once. Open {name} in the list and make a new one.</p>
      </div>
    );
  return (
    <div role="alert" className="rounded-md border border-warn bg-warn-soft px-3 py-2">
      <p className="mb-2 font-medium">
        The link for {name}, shown this once. It lets one person in, once, and ends <Ago at={invitation.expires_at} />.
      </p>
      <CopyText text={`${window.location.origin}/#invite=${invitation.code}`} label={`Link for ${name}`} />
      <p className="text-dim">
        Give it to {name} in a way that nobody else can read. Whoever opens it first is {name}.
      </p>
    </div>
  );
}
