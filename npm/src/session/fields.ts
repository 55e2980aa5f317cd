// What applications read of a session although it is JsSIP's own business: its demo does, and many
// have begun with that. They are fields there; here they say what the session says.

import type { RTCSession } from './rtc_session';

/** Those that are public, too, without the underscore. */
const PUBLIC = [
  'connection',
  'contact',
  'direction',
  'end_time',
  'id',
  'local_identity',
  'remote_identity',
  'start_time',
  'status',
] as const;

const FIELDS: Record<string, (session: RTCSession) => unknown> = {
  _audioMuted: (session) => session.isMuted().audio,
  _is_confirmed: (session) => session._call().isConfirmed,
  _localHold: (session) => session.isOnHold().local,
  _localMediaStream: (session) => session._call().peer?.stream ?? null,
  _remoteHold: (session) => session.isOnHold().remote,
  _request: (session) => session._call().request ?? null,
  _videoMuted: (session) => session.isMuted().video,
};

/** Gives these to all sessions; who sets one has it as a field of that session. */
export function defineFields(prototype: RTCSession): void {
  for (const name of PUBLIC) FIELDS[`_${name}`] = (session) => session[name];
  for (const [name, get] of Object.entries(FIELDS)) {
    Object.defineProperty(prototype, name, {
      configurable: true,
      get(this: RTCSession) {
        return get(this);
      },
      set(this: RTCSession, value: unknown) {
        Object.defineProperty(this, name, { configurable: true, value, writable: true });
      },
    });
  }
}
