/** One measured figure; with `baseline` its ratio is what counts, because both were measured in the same run. */
export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly baseline?: number;
  /** What the baseline is. */
  readonly what?: string;
  /** The limit that the product sets itself, for the ratio where there is a baseline. */
  readonly limit?: string;
}

export const ratioOf = ({ value, baseline }: Figure): number | undefined =>
  baseline === undefined ? undefined : value / baseline;
