// What the engine asks a user agent: requests that the application may answer, and what it may do in
// the engine's place. Where nobody listens, JsSIP's answer is given.

import type { Driver } from './driver';
import { Command } from './engine/commands';
import type { QuestionRow } from './engine/rows';
import { Message } from './message';
import { Options } from './options';
import type { UA } from './ua';
import { NotSupportedError } from './values/exceptions';
import { type EventValue, IncomingRequest } from './values/incoming';

export function asked(ua: UA, driver: Driver, ask: number, question: QuestionRow): void {
  const isHeard = ua.listenerCount(question[0]) > 0;
  const reject = (status: number, reason?: string, headers: string[] = []): void => {
    const why = reason || undefined;
    driver.tell(Command.ReplyReject, ask, headers, undefined, undefined, status, why);
  };
  switch (question[0]) {
    case 'newMessage':
      if (!isHeard) return reject(405);
      return new Message(ua)._receive(driver, ask, new IncomingRequest(ua, question[1]));
    case 'newOptions':
      if (!isHeard) break;
      return new Options(ua)._receive(driver, ask, new IncomingRequest(ua, question[1]));
    case 'newSubscribe': {
      if (!isHeard) return reject(405);
      const [, subscription, row] = question;
      const request = new IncomingRequest(ua, row);
      request._replier = (status, reason, headers) => {
        if (status < 300) throw new NotSupportedError('ua.notify() accepts a subscription');
        ua._petitions.delete(request);
        reject(status, reason, headers);
      };
      ua._petitions.set(request, { driver, ask, subscription });
      ua.emit('newSubscribe', { event: request.event as EventValue, request });
      return;
    }
    case 'registrationExpiring':
      if (isHeard) {
        // The application calls `register()`.
        reject(403);
        ua.emit('registrationExpiring');
        return;
      }
      return driver.run(() => {
        ua._tellTagTrail(driver);
        driver.put(Command.Proceed, ask);
      });
  }
  driver.tell(Command.Proceed, ask);
}
