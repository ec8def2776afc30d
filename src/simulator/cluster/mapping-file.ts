import type { Mapping, State } from '../state/types.ts';

/** The file that holds the mappings of one type. */
export const mappingFile = (type: Mapping['type']): string => `mapping/${type === 'dir' ? 'directory' : type}.cfg`;

/** All mappings of one type as text: what their common digest is of. */
export const mappingText = (state: State, type: Mapping['type']): string =>
  [...state.mappings]
    .filter(([, mapping]) => mapping.type === type)
    .map(([key, { options, map }]) => {
      const lines = Object.keys(options)
        .toSorted()
        .map((name) => `\t${name} ${options[name]}`);
      return [key, ...lines, ...map.map((entry) => `\tmap ${entry}`)].join('\n');
    })
    .join('\n\n');
