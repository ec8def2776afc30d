import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatOf } from '../qemu/drives.ts';
import { parsePropertyString, printPropertyString } from './property-string.ts';
import { loadSchema } from './schema.ts';
import { checkObject, type Errors, type Values } from './validate.ts';

const create = loadSchema().methods.find(({ method, path }) => method === 'POST' && path === '/nodes/{node}/qemu');
const check = (values: Values): Errors => {
  const errors: Errors = {};
  checkObject(create?.params ?? {}, { node: 'pve1', vmid: 100, ...values }, errors);
  return errors;
};

describe('the schema', () => {
  it('has all methods, and every pattern compiles', () => {
    const { methods, formats } = loadSchema();
    expect(methods).toHaveLength(661);
    expect(Object.keys(formats)).toHaveLength(27);
    expect(Object.keys(create?.params ?? {})).toContain('net31');
    for (const { params } of methods) {
      const errors: Errors = {};
      // A value for every parameter, so that every pattern and format is looked at.
      checkObject(params, Object.fromEntries(Object.keys(params).map((name) => [name, '1'])), errors);
    }
  });
});

describe('parameters', () => {
  it('of any shape are answered at once: no pattern cuts a long text in all possible ways', () => {
    const units = [
      'a',
      '0',
      'x-',
      '.',
      '_',
      'a.',
      'a-',
      '0-',
      '0.',
      ':',
      '/',
      'a/',
      ';',
      'a;',
      '0;',
      'a=b,',
      'ff:00:00;',
    ];
    for (const { params } of loadSchema().methods)
      for (const unit of units) {
        const text = `${unit.repeat(300 / unit.length)}!`;
        checkObject(params, Object.fromEntries(Object.keys(params).map((name) => [name, text])), {});
      }
  });

  it('are all reported together', () => {
    expect(check({ vmid: 'abc', cores: 'x', foo: '1', ostype: 'zz' })).toMatchObject({
      vmid: "type check ('integer') failed - got 'abc'",
      cores: "type check ('integer') failed - got 'x'",
      foo: 'property is not defined in schema and the schema does not allow additional properties',
    });
  });

  it('may be repeated only where they are lists', () => {
    expect(check({ tags: ['a', 'b'] })).toEqual({});
    expect(check({ name: ['a', 'b'] })).toEqual({ name: "type check ('string') failed - got ARRAY" });
  });

  it('inside a property string are named with it', () => {
    expect(check({ net0: 'virtio,bridge=vmbr0,tag=5000' })).toEqual({
      net0: 'invalid format - format error\nnet0.tag: value must have a maximum value of 4094\n',
    });
  });
});

describe('property strings', () => {
  const format = formatOf('net0');
  it('come back as they were written', () => {
    const fields = fc.record(
      {
        model: fc.constantFrom('virtio', 'e1000'),
        macaddr: fc.constantFrom('BC:24:11:00:00:01'),
        bridge: fc.constantFrom('vmbr0', 'vmbr1'),
        tag: fc.integer({ min: 1, max: 4094 }).map(String),
        firewall: fc.constantFrom('0', '1'),
      },
      { requiredKeys: ['model'] },
    );
    fc.assert(
      fc.property(fields, (value) => {
        expect(parsePropertyString(format, printPropertyString(format, value))).toEqual(value);
      }),
    );
  });

  it('never throw, whatever they are', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(parsePropertyString(format, text)).toBeDefined();
      }),
    );
  });
});
