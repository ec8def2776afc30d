import { useState } from 'react';
import { usePeopleChange, useTokens } from '../../api/people_queries.ts';
import type { Token } from '../../api/people_types.ts';
import type { Me } from '../../api/types.ts';
import { Button } from '../../parts/button.tsx';
import { Confirm } from '../../parts/confirm.tsx';
import { count } from '../../parts/format.ts';
import { Empty, Loaded, Panel, Section } from '../../parts/section.tsx';
import { Table } from '../../parts/table.tsx';
import { useNow } from '../../parts/time.tsx';
import { isOver } from './may.ts';
import { tokenColumns } from './token_columns.tsx';

/** Tokens whose rights the caller looks after; those that are over only when asked for. */
export function TokenList({ me, onMake }: { me: Me; onMake: () => void }) {
  const query = useTokens(true);
  const [all, setAll] = useState(false);
  const [asks, setAsks] = useState<Token>();
  const now = useNow(30);
  const over = query.data?.tokens.filter((token) => isOver(token, now)).length ?? 0;
  return (
    <Section
      id="tokens"
      title="Tokens"
      aside={
        <>
          <Button onClick={onMake}>Make a token</Button>
          {over > 0 && (
            <label className="flex items-center gap-2">
              <input type="checkbox" checked={all} onChange={(event) => setAll(event.target.checked)} />
              also {count(over, 'that is over', 'that are over')}
            </label>
          )}
        </>
      }
    >
      <Loaded query={query} what="the tokens">
        {({ tokens }) => {
          const rows = tokens.filter((token) => all || !isOver(token, now)).toReversed();
          if (rows.length === 0)
            return <Empty>No token is good now. Programs and agents need one each; people sign in.</Empty>;
          return (
            <Panel>
              <Table caption="Tokens" columns={tokenColumns(now, setAsks)} rows={rows} id={({ id }) => id} />
            </Panel>
          );
        }}
      </Loaded>
      {asks !== undefined && <Revoke me={me} token={asks} onClose={() => setAsks(undefined)} />}
    </Section>
  );
}

function Revoke({ me, token, onClose }: { me: Me; token: Token; onClose: () => void }) {
  const revoke = usePeopleChange<void, void>((client) =>
    client.change('DELETE', `/v1/tokens/${encodeURIComponent(token.id)}`),
  );
  const own = token.id === (me.token_id ?? me.id);
  return (
    <Confirm
      title={`Revoke the token ${token.name}?`}
      button="Revoke it"
      busy={revoke.isPending}
      error={revoke.error}
      onConfirm={() => revoke.mutate(undefined, { onSuccess: onClose })}
      onClose={onClose}
    >
      <p>
        Whoever uses it{token.person === undefined ? '' : ` (it is one of ${token.person})`} is refused at once. That
        cannot be taken back; a new token has to be made and given out.
      </p>
      {own && <p className="text-bad">It is the token that you are here with: you will be signed out.</p>}
    </Confirm>
  );
}
