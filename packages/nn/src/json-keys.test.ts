import { expect, test } from 'vitest';
import { assertUniqueKeys } from './json-keys';

test.each(['{}', '{"a":{"x":1},"b":{"x":2}}', '{"a":"a","b":["a","a"]}', '{"a":"{\\"a\\":1}", "b\\"":1}', '[{"a":1},{"a":2}]'])(
  'assertUniqueKeys accepts %s',
  (text) => {
    JSON.parse(text);
    expect(() => assertUniqueKeys('here', text)).not.toThrow();
  },
);

test.each(['{"a":1,"a":2}', '{"b":{"x":1,"x":1}}', '{"a":1, "\\u0061" : 2}', '{"a":{"b":1},"c":[{"d":"}"}],"a":2}'])(
  'assertUniqueKeys refuses %s',
  (text) => {
    JSON.parse(text);
    expect(() => assertUniqueKeys('here', text)).toThrow(/here: bytes: names in the header must be unique, got [ax]/);
  },
);
