/** The resource `response-outparam`: where a guest puts its response. */

import type { Result } from "../component/host/result.ts";
import type { ErrorCode } from "./error_code.ts";
import type { OutgoingResponse } from "./outgoing.ts";

/** Statuses whose responses have no body, https://fetch.spec.whatwg.org/#null-body-status */
const WITHOUT_BODY = new Set([204, 205, 304]);

export class ResponseOutparam {
  #answered = false;
  #answer: (response: Response | ErrorCode | null) => void;

  /** @param answer gets the response; or why there is none, null: the guest gave none */
  constructor(answer: (response: Response | ErrorCode | null) => void) {
    this.#answer = answer;
  }

  static set(param: ResponseOutparam, result: Result<OutgoingResponse, ErrorCode>): void {
    if (result.tag === "err") return param.#give(() => result.val);
    const response = result.val;
    response.fields.freeze();
    // The guest writes the body now: what it is when the guest waits or has ended, decides how it is sent.
    param.#give(() => webResponse(response));
  }

  #give(make: () => Response | ErrorCode | null): void {
    if (this.#answered) return;
    this.#answered = true;
    queueMicrotask(() => this.#answer(make()));
  }

  /** Dropped, or its guest has ended. */
  [Symbol.dispose](): void {
    this.#give(() => null);
  }
}

function webResponse({ status, fields, sink }: OutgoingResponse): Response {
  const init = { status, headers: fields.pairs() };
  if (!sink) return new Response(null, init);
  if (WITHOUT_BODY.has(status)) {
    sink.end("unwanted");
    return new Response(null, init);
  }
  return new Response(sink.complete ? sink.take() : sink.stream(), init);
}
