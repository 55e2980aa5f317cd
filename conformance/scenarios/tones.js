// DTMF and INFO.

import { SDP, makeCallRaw } from './by-hand.js';
import { hangUp, rings, talk } from './together.js';

const WRONG_TONES = [
  [], [undefined], [null], [''], ['x'], ['1x'], [{}], [NaN], [-1], ['1', { transportType: 'SMOKE' }],
  ['1', { duration: 'x' }], ['1', { interToneGap: 'x' }], [true],
];

export default {
  'sends tones as INFO, and hears some': async ({ alice, bob }) => {
    const [call, incoming] = await talk(alice, bob);
    call.do('sendDTMF', '1', { duration: 70, interToneGap: 50 });
    await incoming.saw('newDTMF');
    incoming.do('sendDTMF', '#', { duration: 200 });
    await call.saw('newDTMF', 2);
    await alice.passed('→ 200 INFO');
    await hangUp(call, incoming);
  },

  'sends many tones, with a pause and headers': async ({ alice, bob }) => {
    const [call, incoming] = await talk(alice, bob);
    call.do('sendDTMF', '1a,#', { duration: 80, interToneGap: 60, extraHeaders: ['X-Tone: yes'] });
    await alice.passed('← 200 INFO', 3);
    await hangUp(call, incoming);
  },

  'sends a number, and too short and too long tones': async ({ alice, bob }) => {
    const [call, incoming] = await talk(alice, bob);
    call.do('sendDTMF', 5, { duration: 10, interToneGap: 1 });
    await alice.passed('← 200 INFO', 1);
    alice.skip(1);
    call.do('sendDTMF', 0, { duration: 9000 });
    await alice.passed('← 200 INFO', 2);
    await hangUp(call, incoming);
  },

  'sends tones in the audio': async ({ alice, bob }) => {
    const [call, incoming] = await talk(alice, bob);
    const [sender] = call.session.connection.getSenders();
    call.do('sendDTMF', '12', { transportType: 'RFC2833', duration: 70, interToneGap: 50 });
    alice.note('app', 'tones that wait', sender.dtmf.toneBuffer);
    await hangUp(call, incoming);
  },

  'sends tones that are none': async ({ alice, bob }) => {
    const [call, incoming] = await talk(alice, bob);
    // JsSIP writes into the options.
    for (const args of structuredClone(WRONG_TONES)) {
      alice.note('app', `sendDTMF(${args.map((arg) => JSON.stringify(arg) ?? String(arg)).join()})`);
      call.do('sendDTMF', ...args);
    }
    await hangUp(call, incoming);
  },

  'follows a tone that it sends': async ({ alice, bob }) => {
    const [call, incoming] = await talk(alice, bob);
    call.session.on('newDTMF', ({ dtmf }) => alice.follow(dtmf, 'dtmf', ['succeeded', 'failed']));
    call.do('sendDTMF', '1');
    await alice.saw('dtmf: succeeded');
    await hangUp(call, incoming);
  },

  'its tone is refused': async ({ alice, bob }) => {
    const { call, raw } = await makeCallRaw(alice, bob);
    const body = await raw.answerTo(raw.invite.body);
    raw.reply('200 OK', { headers: [SDP], body });
    await call.saw('confirmed');
    call.session.on('newDTMF', ({ dtmf }) => alice.follow(dtmf, 'dtmf', ['succeeded', 'failed']));
    call.do('sendDTMF', '12', { interToneGap: 100 });
    raw.reply('415 Unsupported Media Type', { request: await raw.saw('INFO') });
    await alice.saw('dtmf: failed');
    call.terminate();
    raw.reply('200 OK', { request: await raw.saw('BYE') });
    await alice.passed('← 200 BYE');
  },

  'hears tones in every writing': async ({ alice, bob }) => {
    const { call, raw } = await makeCallRaw(alice, bob);
    const body = await raw.answerTo(raw.invite.body);
    raw.reply('200 OK', { headers: [SDP], body });
    await call.saw('confirmed');
    for (const [type, text] of [
      ['application/dtmf-relay', 'Signal=1\r\nDuration=100'], ['application/dtmf-relay', 'Signal = *\nDuration = 250'],
      ['application/dtmf-relay', 'Signal=D\r\n'], ['application/dtmf-relay', 'Signal=x\r\nDuration=100'],
      ['application/dtmf-relay', ''], ['application/dtmf', '5'], ['APPLICATION/DTMF-RELAY', 'Signal=2\r\nDuration=100'],
      ['application/dtmf-relay;charset=utf-8', 'Signal=3\r\nDuration=100'],
    ]) await raw.request('INFO', { headers: [`Content-Type: ${type}`], body: text });
    await raw.request('INFO', { body: 'no type' });
    await raw.request('INFO');
    await raw.request('BYE');
    await call.saw('ended');
  },

  'sends INFO, and hears some': async ({ alice, bob }) => {
    const [call, incoming] = await talk(alice, bob);
    call.session.on('newInfo', ({ info }) => alice.follow(info, 'info', ['succeeded', 'failed']));
    call.do('sendInfo', 'text/plain', 'hello', { extraHeaders: ['X-Info: yes'] });
    await alice.saw('info: succeeded');
    call.do('sendInfo', 'text/plain');
    await alice.saw('info: succeeded', 2);
    incoming.do('sendInfo', 'Application/JSON', '{}');
    await call.saw('newInfo', 3);
    await alice.passed('→ 200 INFO');
    await hangUp(call, incoming);
  },

  'sends INFO with wrong arguments': async ({ alice, bob }) => {
    const [call, incoming] = await talk(alice, bob);
    call.do('sendInfo');
    call.do('sendInfo', undefined, 'x');
    await hangUp(call, incoming);
    call.do('sendInfo', 'text/plain', 'x');
    call.do('sendDTMF', '1');
  },

  'sends tones and INFO with options that are null': async ({ alice, bob }) => {
    const [call, incoming] = await talk(alice, bob);
    call.do('sendDTMF', '1', null);
    call.do('sendInfo', 'text/plain', 'x', null);
    await hangUp(call, incoming);
  },

  'sends tones and INFO while it rings': async ({ alice, bob }) => {
    const [call, incoming] = await rings(alice, bob);
    call.do('sendDTMF', '1');
    await alice.passed('← 200 INFO');
    call.do('sendInfo', 'text/plain', 'x');
    incoming.terminate();
    await call.saw('failed');
  },
};
