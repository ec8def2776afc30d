import type { ReactNode } from 'react';

/** The frame of what is shown before someone is signed in. */
export const Door = ({ title, children }: { title: string; children: ReactNode }) => (
  <main className="mx-auto flex min-h-dvh max-w-lg flex-col justify-center px-4 py-10">
    <p className="mb-2 font-mono text-dim">proxmox-agent</p>
    <h1 className="mb-4 text-xl font-semibold">{title}</h1>
    {children}
  </main>
);

export const KeepChoice = ({ keep, onChange }: { keep: boolean; onChange: (keep: boolean) => void }) => (
  <label className="flex items-start gap-2">
    <input type="checkbox" checked={keep} onChange={(event) => onChange(event.target.checked)} className="mt-0.5" />
    <span>
      Stay signed in on this device
      <span className="block text-xs text-dim">Otherwise the browser forgets the token when this tab is closed.</span>
    </span>
  </label>
);
