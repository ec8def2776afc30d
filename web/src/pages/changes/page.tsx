import { useNavigate, useSearch } from '@tanstack/react-router';
import { EditChange, NewChange } from './edit/page.tsx';
import { ChangeList } from './list.tsx';
import { ChangeRecord } from './record.tsx';

/** All changes, or the one that the address names: to be read or to be written. */
export function Changes() {
  const { change, edit } = useSearch({ from: '__root__' });
  const navigate = useNavigate();
  const open = (id: string | undefined): void =>
    void navigate({ to: '/changes', search: id === undefined ? {} : { change: id } });
  if (change === undefined) return <ChangeList onOpen={open} />;
  if (change === 'new') return <NewChange onDone={open} />;
  if (edit === true) return <EditChange key={change} id={change} onDone={open} />;
  return <ChangeRecord key={change} id={change} onClose={() => open(undefined)} />;
}
