// How well one hears and is heard, second by second.

import { h, svg } from '../dom';
import { Level, type Sounds } from '../sounds';
import { Meter, type Quality } from '../stats';

/** For how many seconds the curve goes back. */
const SECONDS = 60;

const VERDICTS = { good: 'Good', fair: 'Fair', poor: 'Poor', unknown: 'measuring …' };

/** Numbers, a curve and two level meters for one call. */
export function qualityView(sounds: Sounds) {
  const verdict = h('span', { class: 'verdict unknown' }, VERDICTS.unknown);
  const rows = new Map<string, HTMLElement>();
  const list = h('dl', { class: 'numbers' });
  for (const name of ['Round trip', 'Jitter', 'Loss', 'Codec', 'Receiving', 'Sending']) {
    const value = h('dd', {}, '–');
    rows.set(name, value);
    list.append(h('div', {}, h('dt', {}, name), value));
  }
  const received = svg('path', { class: 'received' });
  const sent = svg('path', { class: 'sent' });
  const curve = svg(
    'svg',
    { class: 'curve', viewBox: `0 0 ${SECONDS} 20`, preserveAspectRatio: 'none', 'aria-hidden': 'true' },
    received,
    sent,
  );
  const them = level('Their voice');
  const us = level('Your voice');
  const element = h(
    'section',
    { class: 'quality', 'aria-label': 'Quality of the call' },
    h('div', { class: 'levels' }, them.element, us.element),
    h(
      'details',
      { open: true },
      h('summary', {}, 'Quality: ', verdict),
      list,
      curve,
    ),
  );

  const meter = new Meter();
  const history: Quality[] = [];
  let ears: { stream: MediaStream; level: Level }[] = [];
  let latest: Quality | undefined;

  function tell(quality: Quality): void {
    latest = quality;
    history.push(quality);
    if (history.length > SECONDS) history.shift();
    verdict.textContent = VERDICTS[quality.verdict];
    verdict.className = `verdict ${quality.verdict}`;
    const set = (name: string, value: string) => {
      const row = rows.get(name);
      if (row) row.textContent = value;
    };
    const millis = (value?: number) => (value === undefined ? '–' : `${value.toFixed(0)} ms`);
    set('Round trip', millis(quality.roundTrip));
    set('Jitter', millis(quality.jitter));
    set('Loss', quality.loss === undefined ? '–' : `${(quality.loss * 100).toFixed(1)} %`);
    set('Codec', [quality.codec, quality.videoCodec].filter(Boolean).join(', ') || '–');
    set('Receiving', `${quality.received.toFixed(0)} kbit/s`);
    set('Sending', `${quality.sent.toFixed(0)} kbit/s`);
    const most = Math.max(40, ...history.map((second) => Math.max(second.received, second.sent)));
    const line = (value: (second: Quality) => number) =>
      history
        .map((second, at) => {
          const x = SECONDS - history.length + at + 1;
          return `${at ? 'L' : 'M'}${x} ${(19 - (18 * value(second)) / most).toFixed(2)}`;
        })
        .join('');
    received.setAttribute('d', line((second) => second.received));
    sent.setAttribute('d', line((second) => second.sent));
  }

  return {
    element,
    get latest() {
      return latest;
    },

    /** Takes the numbers of this second. */
    async sample(connection: RTCPeerConnection): Promise<void> {
      tell(await meter.read(connection));
    },

    /** Shows how loud both sides are now. */
    listen(remote: MediaStream, local: MediaStream | undefined): void {
      const wanted = [remote, local].filter(
        (stream): stream is MediaStream => (stream?.getAudioTracks().length ?? 0) > 0,
      );
      const context = sounds.wake();
      for (const stream of wanted) {
        if (!ears.some((ear) => ear.stream === stream)) {
          ears.push({ stream, level: new Level(context, stream) });
        }
      }
      const loud = (stream?: MediaStream) =>
        ears.find((ear) => ear.stream === stream)?.level.read() ?? 0;
      them.show(loud(remote));
      us.show(loud(local));
    },

    stop(): void {
      for (const ear of ears) ear.level.stop();
      ears = [];
    },
  };
}

/** A bar that is as long as the sound is loud. */
function level(name: string) {
  const bar = h('span', { class: 'bar' });
  const element = h(
    'div',
    { class: 'level' },
    h('span', { class: 'name', 'aria-hidden': 'true' }, name),
    h(
      'span',
      { class: 'track', role: 'meter', 'aria-label': name, 'aria-valuemin': 0, 'aria-valuemax': 100, 'aria-valuenow': 0 },
      bar,
    ),
  );
  const track = element.lastElementChild;
  return {
    element,
    show(loudness: number): void {
      bar.style.transform = `scaleX(${loudness.toFixed(3)})`;
      track?.setAttribute('aria-valuenow', String(Math.round(loudness * 100)));
    },
  };
}
