// The socket over a browser's WebSocket, beside JsSIP's.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import jssip from 'jssip';

import { JsSIP } from '../support/agent.mjs';

const URLS = [
  'wss://sip.example.com',
  'ws://sip.example.com:8080',
  'wss://SIP.Example.com/path?token=a%20b',
  'wss://192.0.2.1:7443/ws',
  'wss://[2001:db8::1]:7443',
  'https://sip.example.com',
  'sip.example.com',
  'wss://sip.example.com/ws#fragment',
  'wss://host with space',
  '',
];

test('URLs are taken and refused as in JsSIP', () => {
  for (const url of URLS) {
    const [ours, theirs] = [JsSIP, jssip].map((library) => {
      try {
        const { url: kept, via_transport, sip_uri } = new library.WebSocketInterface(url);
        return { url: kept, via_transport, sip_uri };
      } catch (error) {
        return { error: error.name, message: error.message };
      }
    });
    assert.deepEqual(ours, theirs, String(url));
  }
});

test('a socket is shown as JsSIP shows it, in its order', () => {
  const [ours, theirs] = [JsSIP, jssip].map((library) => {
    return JSON.stringify(new library.WebSocketInterface('ws://example.com'));
  });
  assert.equal(ours, theirs);
});

test('a URL in capitals is one, and one without a host is none, other than in JsSIP', () => {
  const socket = new JsSIP.WebSocketInterface('WSS://SIP.example.com:443');
  assert.equal(socket.sip_uri, 'sip:sip.example.com:443;transport=ws');
  assert.throws(() => new JsSIP.WebSocketInterface('wss://'), TypeError);
  assert.throws(() => new JsSIP.WebSocketInterface(undefined), TypeError);
});

test('the Via transport can be set', () => {
  const socket = new JsSIP.WebSocketInterface('wss://sip.example.com');
  socket.via_transport = 'ws';
  assert.equal(socket.via_transport, 'WS');
});

/** A browser's WebSocket, whose other end is the test. */
class FakeWebSocket {
  static made = [];
  OPEN = 1;
  CONNECTING = 0;
  readyState = 0;
  sent = [];
  closed = 0;

  constructor(url, protocol) {
    Object.assign(this, { url, protocol });
    FakeWebSocket.made.push(this);
  }

  send(data) {
    this.sent.push(data);
  }

  close() {
    this.closed += 1;
  }
}

function withWebSocket(t, WebSocket = FakeWebSocket) {
  const before = Object.getOwnPropertyDescriptor(globalThis, 'WebSocket');
  Object.defineProperty(globalThis, 'WebSocket', { value: WebSocket, configurable: true });
  FakeWebSocket.made = [];
  t.after(() => {
    if (before) Object.defineProperty(globalThis, 'WebSocket', before);
    else delete globalThis.WebSocket;
  });
}

test('it connects with the subprotocol, tells what happens, and is not heard when closed', (t) => {
  withWebSocket(t);
  const socket = new JsSIP.WebSocketInterface('wss://sip.example.com');
  const told = [];
  socket.onconnect = () => told.push('connect');
  socket.ondisconnect = (...how) => told.push(how);
  socket.ondata = (data) => told.push(data);
  assert.equal(socket.send('too early'), false);
  socket.connect();
  const [ws] = FakeWebSocket.made;
  assert.equal(ws.protocol, 'sip');
  assert.equal(ws.binaryType, 'arraybuffer');
  assert.equal(socket.isConnecting(), true);
  socket.connect();
  assert.equal(FakeWebSocket.made.length, 1, 'it is connecting already');
  ws.readyState = 1;
  ws.onopen();
  assert.equal(socket.isConnected(), true);
  assert.equal(socket.send('hello'), true);
  assert.deepEqual(ws.sent, ['hello']);
  ws.onmessage({ data: 'news' });
  ws.readyState = 3;
  ws.onclose({ wasClean: false, code: 1006, reason: 'gone' });
  assert.deepEqual(told, ['connect', 'news', [true, 1006, 'gone']]);
  socket.connect();
  const [, next] = FakeWebSocket.made;
  assert.equal(ws.closed, 1, 'the old one is let go');
  socket.disconnect();
  assert.equal(next.closed, 1);
  next.onopen?.();
  assert.equal(told.length, 3);
});

test('a WebSocket that cannot be made is a lost connection', (t) => {
  withWebSocket(t, class {
    constructor() {
      throw new Error('blocked by the policy of the page');
    }
  });
  const socket = new JsSIP.WebSocketInterface('wss://sip.example.com');
  let told;
  socket.ondisconnect = (...how) => (told = how);
  socket.connect();
  assert.deepEqual(told, [true, undefined, 'Error: blocked by the policy of the page']);
});
