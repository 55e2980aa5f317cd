// `sendRequest()`: a request of any method inside the session, as applications use it.

import { causes } from '../values/constants';
import { Command } from '../engine/commands';
import { logger } from '../debug';
import { IncomingResponse } from '../values/incoming';
import type { Call } from './call';
import { isStateError, toError } from './errors';
import { type SendRequestOptions, headersOf, splitContentType } from './options';

const log = logger('RTCSession');

export function sendRequest(call: Call, method: string, options: SendRequestOptions): void {
  const { number, driver } = call;
  const handlers = options.eventHandlers ?? {};
  const [extraHeaders, contentType] = splitContentType(headersOf(options));
  const wanted = { extraHeaders, contentType, body: options.body || undefined };
  if (number === undefined) return log.warn('sendRequest() | no valid early dialog found');
  try {
    driver.run(() => {
      const request = driver.put(Command.SendRequest, number, wanted, method);
      driver.requests.set(request, (cause, row) => {
        const response = row && new IncomingResponse(row);
        if (response) {
          const { status_code } = response;
          if (status_code < 300) return handlers.onSuccessResponse?.(response);
          if (status_code === 408 || status_code === 481) return handlers.onDialogError?.(response);
          return handlers.onErrorResponse?.(response);
        }
        if (cause === causes.REQUEST_TIMEOUT) return handlers.onRequestTimeout?.();
        if (cause === causes.DIALOG_ERROR) return handlers.onDialogError?.();
        return handlers.onTransportError?.();
      });
    });
  } catch (error) {
    if (!isStateError(error)) throw toError(error);
    log.warn('sendRequest() | there is no dialog to send it in');
  }
}
