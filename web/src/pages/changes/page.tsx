import { useNavigate, useSearch } from '@tanstack/react-router';
import { ChangeList } from './list.tsx';
import { ChangeRecord } from './record.tsx';

/** All changes, or the one that the address names. */
export function Changes() {
  const { change } = useSearch({ from: '__root__' });
  const navigate = useNavigate();
  const open = (id: string | undefined): void =>
    void navigate({ to: '/changes', search: id === undefined ? {} : { change: id } });
  return change === undefined ? (
    <ChangeList onOpen={open} />
  ) : (
    <ChangeRecord key={change} id={change} onClose={() => open(undefined)} />
  );
}
