import { useMutation } from '@tanstack/react-query';
import { useApi } from '../../api/context.tsx';
import { Button } from '../../parts/button.tsx';

/** Saves the change as Markdown. It is read here and not by a link, because a link carries no token. */
export function ExportButton({ id }: { id: string }) {
  const { client } = useApi();
  const save = useMutation({
    mutationFn: async () => {
      const path = `/v1/changes/${encodeURIComponent(id)}/export`;
      const answer = await client.open(path, { accept: 'text/markdown' }, new AbortController().signal);
      const url = URL.createObjectURL(await answer.blob());
      Object.assign(document.createElement('a'), { href: url, download: `${id}.md` }).click();
      URL.revokeObjectURL(url);
    },
  });
  return (
    <span className="flex flex-wrap items-center gap-2">
      {save.error !== null && (
        <span role="alert" className="text-bad">
          {save.error.message}
        </span>
      )}
      <Button busy={save.isPending} onClick={() => save.mutate()}>
        Export as Markdown
      </Button>
    </span>
  );
}
