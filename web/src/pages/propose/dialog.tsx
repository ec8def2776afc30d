import { useMemo } from 'react';
import { useActions, useInventory, useNodes } from '../../api/queries.ts';
import { Dialog } from '../../parts/dialog.tsx';
import { Empty, Loaded } from '../../parts/section.tsx';
import { useEnvironment } from '../environment.tsx';
import { ProposeForm } from './form.tsx';
import { changing } from './targets.ts';

interface ProposeDialogProps {
  /** Where the form starts; empty: nothing chosen yet. */
  readonly target: string;
  /** The change record that it belongs to. */
  readonly change?: string | undefined;
  readonly onClose: () => void;
  readonly onPlanned: (plan_id: string) => void;
}

/** Asks for an action, its target and its parameters, and has it planned. */
export function ProposeDialog({ target, change, onClose, onPlanned }: ProposeDialogProps) {
  const environment = useEnvironment();
  const query = useActions();
  const guests = useInventory(environment).data?.guests;
  const nodes = useNodes(environment).data?.nodes;
  const lab = useMemo(() => ({ guests: guests ?? [], nodes: nodes ?? [] }), [guests, nodes]);
  return (
    <Dialog title={`Propose a change${environment === undefined ? '' : ` in ${environment}`}`} onClose={onClose}>
      {environment === undefined ? (
        <Empty>No environment is configured, so there is nothing to change.</Empty>
      ) : (
        <Loaded query={query} what="the actions">
          {({ actions }) => (
            <ProposeForm
              environment={environment}
              actions={changing(actions)}
              lab={lab}
              firstTarget={target}
              firstChange={change ?? ''}
              onPlanned={onPlanned}
            />
          )}
        </Loaded>
      )}
    </Dialog>
  );
}
