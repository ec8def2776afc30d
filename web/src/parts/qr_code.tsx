import { encode } from 'uqr';

/** A text for a phone's camera. Black on white in the dark as well: not every camera reads it the other way round. */
export function QrCode({ text, label }: { text: string; label: string }) {
  const { data, size } = encode(text, { ecc: 'M', border: 3 });
  const dark = data.flatMap((row, y) => row.flatMap((on, x) => (on ? [`M${x} ${y}h1v1h-1z`] : [])));
  return (
    <svg role="img" aria-label={label} viewBox={`0 0 ${size} ${size}`} className="w-48 max-w-full rounded-md bg-white">
      <path d={dark.join('')} fill="black" shapeRendering="crispEdges" />
    </svg>
  );
}
