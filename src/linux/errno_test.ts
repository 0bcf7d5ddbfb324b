import assert from "node:assert/strict";
import { constants } from "node:os";
import { errnoError, errnoText } from "./errno.ts";

Deno.test("errnoText() names each errno as the system does", () => {
  // EOPNOTSUPP is the same number as ENOTSUP.
  const numbers: Record<string, number> = { ...constants.errno, EOPNOTSUPP: 95 };
  let known = 0;
  for (let errno = 1; errno < 134; errno++) {
    const text = errnoText(errno);
    if (text === `errno ${errno}`) continue;
    known++;
    const [name, words] = text.split(": ");
    assert.equal(numbers[name], errno, text);
    assert.match(words, /^[a-z][a-z/ -]+$/);
  }
  assert.ok(known >= 25, `${known} are known`);
});

Deno.test.each([
  [1, "PermissionDenied", "open x: EPERM: operation not permitted"],
  [2, "NotFound", "open x: ENOENT: no such file or directory"],
  [12, "ResourceExhausted", "open x: ENOMEM: cannot allocate memory"],
  [17, "AlreadyExists", "open x: EEXIST: file exists"],
  [22, "InvalidArgument", "open x: EINVAL: invalid argument"],
  [28, "ResourceExhausted", "open x: ENOSPC: no space left on device"],
  [38, "Unimplemented", "open x: ENOSYS: function not implemented"],
  [40, "InvalidArgument", "open x: ELOOP: too many levels of symbolic links"],
  [4000, "Internal", "open x: errno 4000"],
])("errnoError(%d) is %s", (errno, kind, message) => {
  const error = errnoError(errno, "open x");
  assert.equal(error.kind, kind);
  assert.equal(error.message, message);
});
