import assert from "node:assert/strict";
import { configFor } from "./version.ts";

const CRUN = "/usr/bin/crun";

Deno.test("configFor() is for crun alone, and only when there is something to change", () => {
  const config = '{"ociVersion":"1.2.0"}';
  assert.equal(configFor("/usr/sbin/runc", config), null);
  assert.equal(configFor("/opt/crun/youki", config), null);
  assert.equal(configFor("/opt/crun-1.21", config), '{"ociVersion":"1.0.2"}');
  assert.equal(configFor(CRUN, '{"ociVersion":"1.0.2"}'), null);
});

Deno.test.each([
  ['{"ociVersion":"1.2.0"}', '{"ociVersion":"1.0.2"}'],
  [
    '{ "a": {"ociVersion": "x"}, "ociVersion" :\n "1.2.1" }',
    '{ "a": {"ociVersion": "x"}, "ociVersion" :\n "1.0.2" }',
  ],
  [
    '{"a":["ociVersion","b"],"ociVersion":"1.2.0"}',
    '{"a":["ociVersion","b"],"ociVersion":"1.0.2"}',
  ],
  [
    '{"a":"\\"ociVersion\\":{","ociVersion":"1"}',
    '{"a":"\\"ociVersion\\":{","ociVersion":"1.0.2"}',
  ],
  ['{"a":"ociVersion","ociVersion":"1","b":9}', '{"a":"ociVersion","ociVersion":"1.0.2","b":9}'],
  [
    '{"ociVersion":"1.2.0","limit":9223372036854775807}',
    '{"ociVersion":"1.0.2","limit":9223372036854775807}',
  ],
])("configFor() changes nothing else of %s", (text, expected) => {
  assert.equal(configFor(CRUN, text), expected);
});

Deno.test.each(["", "{}", '{"a":{"ociVersion":"1"}}', '["ociVersion:","1"]', '{"a":"ociVersion"}'])(
  "configFor() rejects %j",
  (text) => {
    assert.throws(() => configFor(CRUN, text), {
      kind: "InvalidArgument",
      message: "ociVersion: not in config.json",
    });
  },
);
