// Registration, and the life of a user agent.

import { hangUp, registered, rings, talk } from './together.js';

export default {
  'registers with a challenge, unregisters, registers again': async ({ alice }) => {
    await alice.register({ register_expires: 120 });
    alice.try('ua.unregister()', () => alice.ua.unregister());
    await alice.saw('unregistered');
    alice.try('ua.register()', () => alice.ua.register());
    await alice.saw('registered', 2);
  },

  'unregisters all contacts': async ({ alice }) => {
    await alice.register();
    alice.try('ua.unregister()', () => alice.ua.unregister({ all: true }));
    await alice.saw('unregistered');
  },

  'refreshes its registration': async ({ alice }) => {
    await alice.register({ register_expires: 20 });
    for (const nth of [2, 3]) {
      alice.skip(16);
      await alice.passed('← 200 REGISTER', nth);
    }
  },

  'is told that its registration expires, and refreshes it itself': async ({ alice }) => {
    alice.makeUA({ register_expires: 20, unheard: [] });
    alice.ua.start();
    await alice.saw('registered');
    alice.skip(16);
    await alice.saw('registrationExpiring');
    alice.ua.register();
    await alice.passed('← 200 REGISTER', 2);
  },

  'registers with a wrong password': async ({ alice }) => {
    alice.makeUA({ password: 'wrong' });
    alice.ua.start();
    await alice.saw('registrationFailed');
  },

  'registers with ha1 and realm': async ({ alice, domain }) => {
    const { user, password } = alice.account;
    const ha1 = alice.JsSIP.Utils.calculateMD5(`${user}:${domain}:${password}`);
    await alice.register({ password: undefined, ha1, realm: domain });
  },

  'registers with a token that nobody accepts': async ({ alice }) => {
    alice.makeUA({ password: undefined, authorization_jwt: 'Bearer abc.def.ghi' });
    // Kamailio does not answer what is no digest.
    alice.onSend = (text) => text.replace(/Authorization: Bearer.*\r\n/, '');
    alice.ua.start();
    await alice.saw('registrationFailed');
  },

  'registers with every setting that the wire shows': async ({ alice, domain }) => {
    await alice.register({
      display_name: 'Alice "of" Wonder\\land',
      contact_uri: `sip:${alice.account.user}@a-contact.invalid;transport=ws`,
      instance_id: '8f1fa16a-1165-4a96-8341-785b1ef24f12',
      user_agent: 'A phone/1.0',
      extra_headers: ['X-Every: one'],
      register_expires: 300,
      register_from_tag_trail: 'trail',
      registrar_server: `sip:${domain}`,
      authorization_user: alice.account.user,
    });
  },

  'adds headers and contact parameters to its registration': async ({ alice }) => {
    alice.makeUA();
    const registrator = alice.ua.registrator();
    alice.try('setExtraHeaders()', () => registrator.setExtraHeaders(['X-Foo: bar']));
    alice.try('setExtraContactParams()', () =>
      registrator.setExtraContactParams({ flag: null, number: 5, text: '"a b"' }));
    alice.ua.start();
    await alice.saw('registered');
  },

  'registers for the time that the server decides': async ({ alice }) => {
    await alice.register({ register_expires: 0 });
  },

  'does not register, and calls all the same': async ({ alice, bob }) => {
    await bob.register();
    alice.makeUA({ register: false });
    alice.ua.start();
    await alice.saw('connected');
    const [call, incoming] = await talk(alice, bob);
    await hangUp(call, incoming);
  },

  'calls somebody and is not connected': async ({ alice, bob }) => {
    alice.makeUA({ register: false });
    const call = alice.call(bob);
    await call.saw('failed');
  },

  'uses a preloaded route': async ({ alice, bob }) => {
    await registered(bob);
    await alice.register({ use_preloaded_route: true });
    const [call, incoming] = await rings(alice, bob);
    incoming.terminate();
    await call.saw('failed');
  },

  'starts twice, registers twice, stops twice': async ({ alice }) => {
    alice.makeUA();
    alice.try('ua.start()', () => alice.ua.start());
    alice.try('ua.start()', () => alice.ua.start());
    await alice.saw('registered');
    alice.try('ua.isRegistered()', () => alice.ua.isRegistered());
    alice.try('ua.stop()', () => alice.ua.stop());
    alice.try('ua.stop()', () => alice.ua.stop());
    await alice.saw('disconnected');
    alice.try('ua.isConnected()', () => alice.ua.isConnected());
  },

  'stops and starts again': async ({ alice }) => {
    await alice.register();
    // The server does not hear of it, so that nobody knows how fast it answers.
    alice.onSend = () => null;
    alice.ua.stop();
    alice.skip(3);
    await Promise.all([alice.saw('disconnected'), alice.saw('socket closes')]);
    alice.onSend = (text) => text;
    alice.try('ua.start()', () => alice.ua.start());
    await alice.saw('registered', 2);
  },

  'stops before it was started': async ({ alice }) => {
    alice.makeUA();
    alice.try('ua.stop()', () => alice.ua.stop());
    alice.try('ua.isRegistered()', () => alice.ua.isRegistered());
    alice.try('ua.isConnected()', () => alice.ua.isConnected());
  },

  'stops while it talks': async ({ alice, bob }) => {
    const [, incoming] = await talk(alice, bob);
    alice.try('ua.stop()', () => alice.ua.stop());
    await Promise.all([incoming.saw('ended'), alice.saw('unregistered'), alice.passed('← 200 BYE')]);
    alice.skip(3);
    await alice.saw('disconnected');
  },

  'stops while a call of its own rings': async ({ alice, bob }) => {
    await bob.register();
    alice.makeUA({ register: false });
    alice.ua.start();
    await alice.saw('connected');
    const [, incoming] = await rings(alice, bob);
    alice.try('ua.stop()', () => alice.ua.stop());
    await Promise.all([incoming.saw('failed'), alice.passed('← 487 INVITE')]);
    alice.skip(3);
    await alice.saw('disconnected');
  },

  'stops while somebody calls': async ({ alice, bob }) => {
    const [call] = await rings(bob, alice);
    alice.try('ua.stop()', () => alice.ua.stop());
    await Promise.all([call.saw('failed'), alice.saw('unregistered')]);
    alice.skip(3);
    await alice.saw('disconnected');
  },

  'cannot reach the server': async ({ alice }) => {
    // A browser connects to nobody at this port (discard).
    alice.makeUA({ sockets: [alice.socket('ws://127.0.0.1:9')] });
    alice.ua.start();
    for (const nth of [1, 2]) {
      await alice.saw('disconnected', nth);
      alice.skip(31);
    }
    await alice.saw('connecting', 3);
  },

  'takes the second server when the first is not there': async ({ alice }) => {
    alice.makeUA({
      sockets: [
        { socket: alice.socket('ws://127.0.0.1:9'), weight: 10 },
        { socket: alice.socket(), weight: 5 },
      ],
    });
    alice.ua.start();
    await alice.saw('disconnected');
    alice.skip(31);
    await alice.saw('registered');
  },

  'loses the connection and gets it back': async ({ alice }) => {
    await alice.register();
    alice.cut();
    await alice.saw('disconnected');
    alice.skip(31);
    await alice.saw('registered', 2);
  },

  'brings a socket of its own': async ({ alice }) => {
    const { server } = alice.account;
    const own = {
      url: server,
      via_transport: 'WS',
      sip_uri: 'sip:127.0.0.1;transport=ws',
      connect() {
        this.web = new alice.frame.WebSocket(server, 'sip');
        this.web.onopen = () => this.onconnect();
        this.web.onclose = () => this.ondisconnect(false, 1000, 'closed');
        this.web.onmessage = ({ data }) => this.ondata(data);
      },
      disconnect() {
        this.web.close();
      },
      send(message) {
        this.web.send(message);
        return true;
      },
      isConnected() {
        return this.web.readyState === 1;
      },
      isConnecting() {
        return this.web.readyState === 0;
      },
    };
    alice.makeUA({ sockets: own });
    alice.ua.start();
    await alice.saw('registered');
    alice.ua.stop();
    await alice.saw('disconnected');
  },

  'sets and gets its configuration': async ({ alice }) => {
    alice.makeUA({ register: false, password: 'first', realm: 'a realm' });
    const { ua } = alice;
    for (const name of ['authorization_user', 'realm', 'ha1', 'authorization_jwt', 'password', 'unknown']) {
      alice.try(`ua.get(${name})`, () => ua.get(name));
    }
    const settings = [
      ['password', 'second'], ['password', 5], ['realm', 'other'], ['ha1', 'abc'], ['ha1', 7],
      ['authorization_user', 'me'], ['authorization_jwt', 'Bearer x'], ['display_name', 'A "name"'],
      ['display_name', 0], ['extra_headers', ['X-A: b']], ['extra_headers', 'X-A: b'],
      ['uri', 'sip:other@example.com'], ['unknown', 1], ['register', false],
    ];
    for (const [name, value] of settings) {
      alice.try(`ua.set(${name}, ${JSON.stringify(value)})`, () => ua.set(name, value));
    }
    for (const name of ['authorization_user', 'realm', 'ha1', 'authorization_jwt', 'password', 'display_name']) {
      alice.try(`ua.get(${name}) afterwards`, () => ua.get(name));
    }
  },
};
