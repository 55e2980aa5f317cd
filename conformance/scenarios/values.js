// What needs no server: configurations, the exported names, addresses, grammar, helpers.

const CONFIGURATIONS = {
  'nothing': () => undefined,
  'an empty object': () => ({}),
  'no uri': ({ sockets }) => ({ sockets }),
  'no sockets': ({ uri }) => ({ uri }),
  'a uri that is none': (good) => ({ ...good, uri: 'not a uri' }),
  'a uri without a user': (good) => ({ ...good, uri: 'sip:example.com' }),
  'a uri without a scheme': (good) => ({ ...good, uri: 'alice@example.com' }),
  'a uri that is a number': (good) => ({ ...good, uri: 7 }),
  'an empty list of sockets': (good) => ({ ...good, sockets: [] }),
  'sockets that are a string': (good) => ({ ...good, sockets: 'ws://example.com' }),
  'a socket that is none': (good) => ({ ...good, sockets: [{ url: 'ws://example.com' }] }),
  'weighted sockets': (good) => ({ ...good, sockets: [{ socket: good.sockets[0], weight: 3 }] }),
  'a weight that is none': (good) => ({ ...good, sockets: [{ socket: good.sockets[0], weight: 'x' }] }),
  'null for what has a default': (good) => ({ ...good, password: null, register_expires: null, display_name: null }),
  'empty strings': (good) => ({ ...good, password: '', realm: '', ha1: '', user_agent: '' }),
  'NaN': (good) => ({ ...good, register_expires: NaN }),
  'an unknown key': (good) => ({ ...good, unknown: 1 }),
  'everything in other types': (good) => ({ ...good, display_name: 0, register_expires: '300', no_answer_timeout: '45' }),
  'a refresh method in lower case': (good) => ({ ...good, session_timers_refresh_method: 'invite' }),
};

/** Values that are refused, or not, by name of the setting. */
const SETTINGS = {
  authorization_user: [5, 'a b', 'a"b'],
  authorization_jwt: [5],
  password: [5],
  realm: [5],
  ha1: [5],
  contact_uri: ['x', 'sip:a@b.invalid', 5],
  instance_id: ['x', '8f1fa16a-1165-4a96-8341-785b1ef24f12', 'uuid:8f1fa16a-1165-4a96-8341-785b1ef24f12'],
  use_preloaded_route: ['yes', true],
  session_timers: ['no', false],
  session_timers_refresh_method: ['OPTIONS', 5, 'UPDATE'],
  session_timers_force_refresher: ['no', true],
  no_answer_timeout: [-1, 0, 'x', 1.5, 30],
  register: ['no', false],
  register_expires: [-1, 'x', 1.5, 0],
  register_from_tag_trail: ['x', 5, () => 'x'],
  registrar_server: ['x y', 'sip:user@example.com', 'sip:example.com:5080', 'example.com', 5],
  connection_recovery_min_interval: [0, -1, 'x', 3],
  connection_recovery_max_interval: [0, -1, 'x', 60],
  user_agent: [5, 'x'],
  extra_headers: ['x', [5], ['X-A: b']],
  display_name: [5, 'x', '"x"'],
};

/** What a configuration became: without what has a life of its own. */
const shown = ({ configuration }) => Object.fromEntries(Object.entries(configuration)
  .filter(([key]) => !['sockets', 'jssip_id', 'via_host', 'contact_uri', 'instance_id'].includes(key))
  .map(([key, value]) => [key, value]));

const RULES = [
  ['SIP_URI', 'sip:alice:pw@example.com:5060;transport=ws;lr?X-A=b&X-C=d'], ['SIP_URI', 'sips:[::1]:5061'],
  ['SIP_URI', 'alice'], ['SIP_URI', 'sip:%61lice@Example.COM'], ['Name_Addr_Header', '"A \\"b\\"" <sip:a@b.c;x=y>;tag=1'],
  ['Contact', '<sip:a@b.c>;expires=5, "B" <sip:b@b.c>;q=0.5'], ['Contact', '*'], ['Via', 'SIP/2.0/WSS host.invalid:80;branch=z9hG4bKx;rport'],
  ['From', '<sip:a@b.c>;tag=abc'], ['To', 'sip:a@b.c;tag=abc'], ['CSeq', '5 INVITE'], ['Event', 'refer;id=5'],
  ['Session_Expires', '90;refresher=uas'], ['Session_Expires', '90'], ['Reason', 'SIP;cause=200;text="Call completed elsewhere"'],
  ['host', 'example.com'], ['host', '::1'], ['Refer_To', '<sip:a@b.c?Replaces=x%3Bto-tag%3Dy%3Bfrom-tag%3Dz>'],
  ['Replaces', 'call@host;to-tag=a;from-tag=b;early-only'], ['Status_Line', 'SIP/2.0 180 Ringing'],
  ['Request_Response', 'INVITE sip:a@b.c SIP/2.0'], ['Subscription_State', 'active;expires=50'],
  ['Subscription_State', 'terminated;reason=timeout;retry-after=5'], ['absoluteURI', 'ws://example.com:80/path'],
  ['quoted_string', '"a b"'], ['uuid', '8f1fa16a-1165-4a96-8341-785b1ef24f12'], ['Min_Expires', '60'],
  ['Expires', '60'], ['Max_Forwards', '70'], ['Record_Route', '<sip:a.b;lr>, <sip:c.d;lr>'],
  ['challenge', 'Digest realm="r", nonce="n", qop="auth,auth-int", algorithm=MD5, stale=true, opaque="o"'],
  ['Content_Type', 'application/sdp;charset=utf-8'], ['Call_ID', 'abc@host'], ['Supported', 'timer, 100rel'],
  ['Allow', 'INVITE, ACK'], ['Content_Length', '15'], ['no_such_rule', 'x'], ['tel_URI', 'tel:+1'],
];

const URIS = [
  'sip:alice@example.com', 'sips:alice@example.com:5061;transport=tls', 'sip:example.com', 'sip:a b@c', 'tel:+123',
  'sip:al%20ice@EXAMPLE.com;Transport=UDP?Subject=x&subject=y', 'sip:alice@[::1]', '', 'sip:', 5, null, undefined,
];

export default {
  'refuses configurations': async ({ alice }) => {
    const { JsSIP } = alice;
    const good = () => ({ sockets: [alice.socket('ws://example.com')], uri: 'sip:alice@example.com' });
    for (const [name, make] of Object.entries(CONFIGURATIONS)) {
      alice.try(`new UA: ${name}`, () => shown(new JsSIP.UA(make(good()))));
    }
    for (const [name, values] of Object.entries(SETTINGS)) {
      for (const value of values) {
        alice.try(`new UA: ${name} ${value}`, () => new JsSIP.UA({ ...good(), [name]: value }).configuration[name]);
      }
    }
  },

  'exports what an application may import': async ({ alice }) => {
    const { JsSIP } = alice;
    // With what is inherited, up to what every emitter has.
    const namesOf = (object) => (object === null || object === alice.frame.Object.prototype
        || object === alice.frame.Function.prototype || typeof object.removeAllListeners === 'function' && Object.hasOwn(object, 'removeAllListeners')
      ? [] : [...Object.getOwnPropertyNames(object), ...namesOf(Object.getPrototypeOf(object))]);
    const isAccessor = (object, name) => {
      for (let owner = object; owner; owner = Object.getPrototypeOf(owner)) {
        const property = Object.getOwnPropertyDescriptor(owner, name);
        if (property) return Boolean(property.get);
      }
      return false;
    };
    const members = (object, accessors = true) => [...new Set(namesOf(object))]
      .filter((name) => !/^_|^(length|name|prototype|constructor|default|__esModule)$/.test(name))
      .sort()
      .map((name) => `${name}: ${accessors && isAccessor(object, name) ? 'accessor' : typeof object[name]}`);
    const kind = (value) => (value === null ? 'null' : typeof value);
    alice.note('app', 'exports', Object.fromEntries(Object.keys(JsSIP).map((name) => [name, kind(JsSIP[name])])));
    alice.note('app', 'name', JsSIP.name);
    alice.note('app', 'kind of version', typeof JsSIP.version);
    alice.note('app', 'C', alice.describe(JsSIP.C));
    for (const name of ['UA', 'RTCSession', 'URI', 'NameAddrHeader', 'WebSocketInterface']) {
      const known = Object.fromEntries(members(JsSIP[name].prototype).map((member) => [member, true]));
      alice.note('app', `members of ${name}`, known);
      alice.try(`${name}.C`, () => JsSIP[name].C);
    }
    alice.note('app', 'Utils', Object.fromEntries(members(JsSIP.Utils, false).map((member) => [member, true])));
    alice.note('app', 'Exceptions', Object.fromEntries(members(JsSIP.Exceptions, false).map((member) => [member, true])));
    alice.note('app', 'Grammar', Object.fromEntries(['parse'].map((member) => [member, typeof JsSIP.Grammar[member]])));
    alice.note('app', 'debug', Object.fromEntries(['enable', 'disable', 'enabled'].map((member) => [member, typeof JsSIP.debug[member]])));
  },

  'makes exceptions': async ({ alice }) => {
    const { Exceptions } = alice.JsSIP;
    const { Error: FrameError } = alice.frame;
    for (const [name, ...args] of [
      ['ConfigurationError', 'uri', 'x'], ['ConfigurationError', 'uri'], ['InvalidStateError', 8],
      ['NotSupportedError', 'no'], ['NotReadyError', 'not yet'],
    ]) {
      alice.try(`new ${name}(${args.join()})`, () => {
        const error = new Exceptions[name](...args);
        return { error, isError: error instanceof FrameError, keys: Object.keys(error), text: String(error) };
      });
    }
  },

  'reads and writes addresses': async ({ alice }) => {
    const { URI, NameAddrHeader } = alice.JsSIP;
    for (const text of URIS) {
      alice.try(`URI.parse(${text})`, () => {
        const uri = URI.parse(text);
        return uri && {
          text: uri.toString(), aor: uri.toAor(), aorWithPort: uri.toAor(true), scheme: uri.scheme,
          user: uri.user, host: uri.host, port: uri.port, transport: uri.getParam('transport'),
          has: uri.hasParam('TRANSPORT'), subject: uri.getHeader('subject'), clone: uri.clone().toString(),
        };
      });
    }
    for (const args of [
      ['sip', 'alice', 'Example.COM'], ['sip', 'a b', 'example.com', 5060, { lr: null, x: 'y' }, { 'x-a': 'b' }],
      ['sip', null, 'example.com', 0], [undefined, 'alice', 'example.com', '80'], ['sip', 'alice'], ['sip', 'alice', ''],
      ['sip', 'alice', 5],
    ]) {
      alice.try(`new URI(${JSON.stringify(args)})`, () => new URI(...args).toString());
    }
    alice.try('changes a URI', () => {
      const uri = new URI('sip', 'alice', 'example.com');
      const steps = [];
      const step = (action) => steps.push(alice.describer.attempt(action));
      step(() => { uri.user = 'b@b'; return uri.toString(); });
      step(() => { uri.host = 'OTHER.com'; return uri.host; });
      step(() => { uri.host = 5; return uri.host; });
      step(() => { uri.port = '5080'; return uri.port; });
      step(() => { uri.port = 'x'; return uri.port; });
      step(() => { uri.port = 0; return uri.port; });
      step(() => { uri.scheme = 'SIPS'; return uri.scheme; });
      step(() => { uri.setParam('Foo', 'Bar'); return uri.getParam('FOO'); });
      step(() => { uri.setParam('flag', null); return [uri.hasParam('flag'), uri.getParam('flag')]; });
      step(() => uri.deleteParam('foo'));
      step(() => uri.deleteParam('foo'));
      step(() => { uri.setHeader('x-foo', 'a'); return uri.getHeader('X-Foo'); });
      step(() => { uri.setHeader('x-foo', ['a', 'b']); return uri.toString(); });
      step(() => uri.deleteHeader('x-foo'));
      step(() => { uri.clearParams(); uri.clearHeaders(); return uri.toString(); });
      return steps;
    });
    for (const text of ['"Alice" <sip:alice@example.com>;tag=1;x', 'sip:alice@example.com;x=y', 'Alice <sip:a@b.c>', 'x', '']) {
      alice.try(`NameAddrHeader.parse(${text})`, () => {
        const address = NameAddrHeader.parse(text);
        return address && {
          text: address.toString(), name: address.display_name, uri: address.uri, tag: address.getParam('tag'),
          x: address.getParam('x'), has: address.hasParam('x'), clone: address.clone().toString(),
        };
      });
    }
    for (const [what, make] of [
      ['a name', (uri) => new NameAddrHeader(uri, 'A "b" \\c', { tag: 'x' })], ['a name of 0', (uri) => new NameAddrHeader(uri, 0)],
      ['nothing', () => new NameAddrHeader()], ['a string', () => new NameAddrHeader('sip:a@b.c')],
    ]) {
      alice.try(`new NameAddrHeader: ${what}`, () => {
        const address = make(new URI('sip', 'a', 'b.c'));
        address.setParam('Y', 5);
        return address.toString();
      });
    }
  },

  'parses by the rules of the grammar': async ({ alice }) => {
    for (const [rule, text] of RULES) {
      alice.try(`Grammar.parse(${text}, ${rule})`, () => alice.JsSIP.Grammar.parse(text, rule));
    }
  },

  'helps out': async ({ alice }) => {
    const { Utils } = alice.JsSIP;
    const { Utils: _, ...things } = { Utils, f: () => 1 };
    const samples = {
      str_utf8_length: [['aé€😀']],
      isFunction: [[things.f], ['f'], [undefined]],
      isString: [['x'], [5], [null]],
      isDecimal: [[5], ['5'], ['x'], [1.5], [NaN], [''], [-1]],
      isEmpty: [[null], [''], [[]], [{}], [undefined], [NaN], [0], ['x']],
      hasMethods: [[{ a() {} }, 'a'], [{ a: 1 }, 'a'], [{ a() {} }, 'a', 'b']],
      hostType: [['example.com'], ['127.0.0.1'], ['::1'], ['[::1]'], ['a b']],
      escapeUser: [['a b@c'], ['%61:+?/']],
      headerize: [['content-type'], ['CALL-ID'], ['www-authenticate'], ['x-foo-bar'], ['cseq']],
      sipErrorCause: [[486], [404], [488], [500], [603], [302], [401]],
      calculateMD5: [['abc'], ['é'], ['']],
      cloneArray: [[[1, 2]], [undefined], ['x']],
      cloneObject: [[{ a: 1 }], [undefined], [undefined, { b: 2 }]],
      normalizeTarget: [['bob', 'example.com'], ['sip:bob@x.y', 'example.com'], ['+1 (23) 4-5', 'example.com'], ['a@b@c', 'd.e'],
        ['tel:+1.2', 'd.e'], ['', 'd.e'], [undefined, 'd.e'], [5, 'd.e']],
    };
    for (const [name, calls] of Object.entries(samples)) {
      for (const args of calls) {
        alice.try(`Utils.${name}(${args.map((arg) => JSON.stringify(arg) ?? String(arg)).join()})`, () => Utils[name](...args));
      }
    }
    alice.try('Utils.createRandomToken()', () => /^[0-9a-z]{12}$/.test(Utils.createRandomToken(12)));
    alice.try('Utils.newTag()', () => /^[0-9a-z]{10}$/.test(Utils.newTag()));
    alice.try('Utils.newUUID()', () => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(Utils.newUUID()));
    alice.try('Utils.getRandomTestNetIP()', () => /^192\.0\.2\.\d+$/.test(Utils.getRandomTestNetIP()));
  },

  'makes sockets': async ({ alice }) => {
    const { WebSocketInterface } = alice.JsSIP;
    for (const url of [
      'ws://example.com', 'wss://example.com:8443/path', 'http://example.com', 'example.com', '', 5, undefined,
      'ws://[::1]:80', 'WSS://Example.com',
    ]) {
      alice.try(`new WebSocketInterface(${url})`, () => {
        const socket = new WebSocketInterface(url);
        const before = socket.via_transport;
        socket.via_transport = 'tcp';
        return { url: socket.url, before, after: socket.via_transport, uri: socket.sip_uri, connected: socket.isConnected(), sends: socket.send('x') };
      });
    }
  },

  'reads targets': async ({ alice }) => {
    alice.makeUA({ register: false });
    for (const target of ['bob', 'sip:bob@x.y', 'bob@x.y:5080', '+1 (23) 45', 'tel:+123', 'sips:bob@x.y', 'b%20b', 'a b', '', undefined, null, 5, {}]) {
      alice.try(`ua.normalizeTarget(${target})`, () => alice.ua.normalizeTarget(target));
    }
    alice.try('ua.contact', () => {
      const { contact } = alice.ua;
      return { pub: contact.pub_gruu, temp: contact.temp_gruu, plain: /^<sip:\w+@\w+\.invalid;transport=ws>$/.test(contact.toString()),
        outbound: /;ob>$/.test(contact.toString({ outbound: true })), anonymous: contact.toString({ anonymous: true }) };
    });
  },
};
