import { useLocation, useNavigate, useSearch } from '@tanstack/react-router';
import { useEnvironments } from '../api/queries.ts';

/** The environment whose nodes and guests are shown: the one in the address, else the first. */
export function useEnvironment(): string | undefined {
  const { environment } = useSearch({ from: '__root__' });
  const { data } = useEnvironments();
  const names = data?.environments.map(({ name }) => name) ?? [];
  return environment !== undefined && (data === undefined || names.includes(environment)) ? environment : names[0];
}

/** The pages that show one environment at a time. */
const OF_ONE = ['/', '/calendar'];

export function EnvironmentChoice() {
  const { data } = useEnvironments();
  const chosen = useEnvironment();
  const navigate = useNavigate();
  const { pathname } = useLocation();
  const environments = data?.environments ?? [];
  if (!OF_ONE.includes(pathname) || chosen === undefined || environments.length === 0) return null;
  return (
    <select
      aria-label="Environment"
      value={chosen}
      onChange={(event) => void navigate({ to: '.', search: (old) => ({ ...old, environment: event.target.value }) })}
    >
      {environments.map(({ name, production, status }) => (
        <option key={name} value={name}>
          {name}
          {production ? ' (production)' : ''}
          {status === 'ok' ? '' : ' – unreachable'}
        </option>
      ))}
    </select>
  );
}
