import { useEffect, useState } from 'react';
import { useApi } from '../api/context.tsx';
import { words } from './format.ts';

/** Tells a screen reader what happens to operations and plans; progress is too frequent to be spoken. */
export function Announcer() {
  const { onEvent } = useApi();
  const [said, setSaid] = useState('');
  useEffect(
    () =>
      onEvent(({ type, ids }) => {
        const [subject, ...rest] = type.split('.');
        if ((subject !== 'operation' && subject !== 'plan') || rest[0] === 'progress' || rest[0] === 'effect') return;
        const id = ids[`${subject}_id`];
        setSaid(`${subject} ${typeof id === 'string' ? id.slice(-6) : ''}: ${words(rest.join(' '))}`);
      }),
    [onEvent],
  );
  return (
    <p role="status" aria-live="polite" className="sr-only">
      {said}
    </p>
  );
}
