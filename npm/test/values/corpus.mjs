// What is read by both: texts by the rule that reads them.

const HOSTS = [
  'a', 'example.com', 'EXAMPLE.Com', 'a-b.c', 'a_b.example.com', 'a.b-', 'a-', '1a.com', '10.com',
  '123.456.c', '1.2.3.4.com', 'xn--bcher-kva.example', 'localhost', 'x.invalid', 'abc123.invalid',
  '10.0.0.1', '192.0.2.4', '255.255.255.255', '0.0.0.0', '[::1]', '[2001:db8::1]', '[::]',
  '[1:2:3:4:5:6:7:8]', '[::ffff:192.0.2.1]', '[fe80::1:2]', '[2001:DB8::A]',
  '', '-a', '_a', '1', '1a', 'a.1', '1.2.3', '256.1.1.1', '01.2.3.4', '1.2.3.4.5', '1.2.3.4.', 'a..b',
  '.a', 'a b', 'a/b', 'a@b', '::1', '[::1', '::1]', '[]', '[::g]', '[1:2]', '[1::2::3]', '[1.2.3.4]',
  'é.example', 'a.', 'a,b', 'a;b', '[::1]x', 'a:',
];

const PARAMS = [
  '', ';lr', ';LR', ';lr=on', ';transport=ws', ';transport=WSS', ';Transport=Tcp', ';user=phone',
  ';USER=Phone', ';method=INVITE', ';method=invite', ';a', ';a=b', ';A=B', ';a=b;c;d=e', ';a=%20',
  ';a=[::1]', ';a=x/y:z&w+v$u', ';ob', ';gr=urn:uuid:f81d4fae', ';a=b;a=c', ';transport',
  ';x-y.z~=1', ';r2=on;lr;ftag=x;nat=yes', ';constructor=1', ';tostring',
  ';', ';;', ';=a', ';a=', ';a=b=c', ';a="b"', ';a b', ';a=é', ';a,b', ';a=b;', ';a=%2', ';a={b}',
];

const HEADERS = [
  '', '?a=b', '?Subject=hi%20there', '?a=b&c=d', '?a=1&a=2', '?x_y=z', '?a=', '?Replaces=1%40x%3Bto-tag%3D2',
  '?a=[/?:+$]', '?', '?a', '?=b', '?a=b&', '?a=b&&c=d', '?a=b=c', '?a=b c', '?a=<', '?é=b',
];

const USERS = [
  'a@', 'alice@', 'al.ice-x_y@', '+15551234@', 'a%20b@', 'a%C3%A9@', 'a:pw@', 'a:@', 'a:b:c@', 'a;x=1@',
  'a,b&c=d+e$f@', 'a?b@', 'a/b@', "a!*'()~@", '%61@', 'a:p%20w@', '*55@', 'J%20Rosenberg@',
  '@', ':@', 'a@b@', 'a b@', '"a"@', 'é@', 'a%2@', 'a%@', 'a%zz@', 'a#b@', '<a>@', 'a[b]@', 'a:p;w@',
];

export const URIS = [
  ...HOSTS.map((host) => `sip:a@${host}`),
  ...HOSTS.filter((host) => host).map((host) => `sip:${host}:5060`),
  ...PARAMS.map((params) => `sip:a@example.com${params}`),
  ...HEADERS.map((headers) => `sip:a@example.com${headers}`),
  ...HEADERS.map((headers) => `sips:a@example.com:5061;transport=ws${headers}`),
  ...USERS.map((user) => `sip:${user}example.com`),
  ...['0', '5060', '65535', '5060;lr', '5060x', '-1', 'a', ' 5060', '05060'].map((port) => `sip:a@b:${port}`),
  'SIP:a@b', 'Sips:a@b', 'sIp:a@b', 'sip:b', 'sip:b;lr', 'sip:b?x=y',
  '', ' ', 'a', 'a@b', 'sip', 'sip:', ':a@b', 'sip a@b', ' sip:a@b', 'sip:a@b ', 'sip: a@b', '<sip:a@b>',
  'tel:+1', 'http://a', 'mailto:a@b', 'urn:x:y', 'sip:a@b\r\n', 'sip:a@b\0', 'sip:a@b\nVia: x', 'sip:é',
];

const NAMES = [
  '', 'Alice ', 'Alice', 'Alice Smith ', 'Alice   Smith ', '"Alice" ', '"Alice"', '"A. \\"B\\" C" ',
  '"a\\\\b"', '""', '"" ', '"<sip:x@y>;,"', '"  two  spaces "', '"Ünï çødé 🎉" ', '"a\\é"', "o'neil ",
  'a-b.c!d%e*f_g+h`i~j ', '"tab\there"', '"unclosed ', 'a"b" ', '"a"b ', 'a<b ', 'a@b ', 'a, b ', 'ünï ',
  '"a" "b" ', ' ', '\t',
];
const ENDS = [
  '', ';tag=1', ';tag=abc.def-x~', ';TAG=x', ';tag=1;x=y', ';x=y;tag=1', ';x', ';x="y"', ';x="a;b,c\\"d"',
  ';q=0.5', ';q=1', ';q=0', ';q=1.0', ';q=0.333', ';q=2', ';expires=60', ';expires=0060', ';expires=x',
  ';+sip.instance="<urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6>"', ';reg-id=1;+sip.ice',
  ' ; tag = 1', ' ;tag=1', ';x=[::1]', ';x=1.2.3.4', ';x=a.b.c', ';isfocus', ';methods="INVITE,BYE"',
  ';tag=', ';=x', ';;x', ';x="y', ' x', ';tag="q"', ';tag', '>',
];
export const ADDRESSES = [
  ...NAMES.map((name) => `${name}<sip:alice@example.com>`),
  ...ENDS.map((end) => `<sip:alice@example.com;transport=ws>${end}`),
  ...ENDS.map((end) => `"Alice" <sips:alice@example.com:5061>${end}`),
  ...ENDS.map((end) => `sip:alice@example.com${end}`),
  ...PARAMS.slice(0, 24).map((params) => `Bob <sip:bob@example.com${params}>;tag=x`),
  ...HEADERS.slice(0, 8).map((headers) => `<sip:bob@example.com${headers}>`),
  ...HOSTS.slice(0, 26).map((host) => `<sip:${host}>`),
  'sip:a@b', 'sip:a@b:5060', 'sip:a@b?x=y', '<sip:a@b', 'sip:a@b>', '<>', '', '<a@b>', 'Alice', '<sip:>',
  '< sip:a@b >', '<sip:a@b> ', ' <sip:a@b>', '<sip:a@b>,<sip:c@d>', '<tel:+15551234>', 'tel:+15551234',
  '<tel:+1;ext=2>;tag=x', '<urn:service:sos>', '<http://example.com/x>', '*',
];

export const LISTS = [
  ...ADDRESSES,
  '<sip:a@b>, <sip:c@d>', '<sip:a@b>,<sip:c@d>', '<sip:a@b> , "x, y" <sip:c@d;lr>;q=0.1,sip:e@f;expires=9',
  '<sip:p1.example.com;lr>,<sip:p2.domain.com;lr>', '"é🎉" <sip:a@b>;x=y, <sip:c@d>', '<sip:a@b>,', ',<sip:a@b>',
  '<sip:a@b>,,<sip:c@d>', '<sip:a@b>;q=0.7;expires=3600, <sip:c@d>;q=0.1',
];

const VIA_ENDS = [
  '', ';branch=z9hG4bK77', ';rport', ';rport=5060', ';rport;branch=z9hG4bKx', ';received=192.0.2.1',
  ';received=2001:db8::1', ';ttl=16', ';maddr=example.com', ';alias', ';keep', ';x=y', ';x="y"',
  ';branch=z9hG4bKx;received=192.0.2.1;rport=41025', ' ; branch = z', ';i=abc.1', ';BRANCH=a', ';branch=',
  ';rport=x', ';received=x', ';branch="q"', ';', ';x;', 'x',
];
export const VIAS = [
  ...VIA_ENDS.map((end) => `SIP/2.0/WSS a.invalid${end}`),
  ...VIA_ENDS.map((end) => `SIP/2.0/UDP 192.0.2.1:5060${end}`),
  ...VIA_ENDS.slice(0, 10).map((end) => `SIP/2.0/TLS [2001:db8::9:1]${end}`),
  ...HOSTS.slice(0, 30).map((host) => `SIP/2.0/TCP ${host};branch=z9hG4bKx`),
  'SIP / 2.0 / UDP first.example.com: 4000;branch=z9hG4bKa7c6a8dlze.1', 'SIP/2.0/ws a', 'sip/2.0/WS A.B', 'SIP/3.0/X a',
  'FOO/1.0/UDP a', 'SIP/2.0/UDP', 'SIP/2.0 a', 'SIP/2.0/UDPa', '', 'a', 'SIP/2.0/UDP a b', 'SIP/2.0/UDP a:',
  'SIP/2.0/UDP a:5060:5061', 'SIP/2.0/UDP  a', 'SIP/2.0/UDP a;branch=x,SIP/2.0/TCP b;branch=y',
];

const REASONS = [
  'SIP', 'SIP;cause=200', 'SIP ;cause=200 ;text="Call completed elsewhere"', 'Q.850;cause=16', 'q.850;cause=16;text="x"',
  'SIP;cause=580;text="Precondition Failure"', 'preemption;cause=1;text="UA Preemption"', 'SIP;text=""', 'SIP;cause=x',
  'SIP;foo=bar', 'SIP;text=plain', 'SIP;text="a;b, c"', 'SIP;text="a \\"b\\""', '', ';cause=1', 'SIP;', 'SIP cause',
];

const CHALLENGES = [
  'Digest realm="a",nonce="b"', 'Digest realm="a", nonce="b", algorithm=MD5', 'digest realm="a"',
  'DIGEST realm="a",qop="auth"', 'Digest realm="a",qop="auth,auth-int"', 'Digest realm="a",qop="AUTH"',
  'Digest realm="a b c",nonce="x==",opaque="",stale=FALSE', 'Digest realm="a",stale=true', 'Digest realm="a",stale=TRUE',
  'Digest realm="a",algorithm=sha-256', 'Digest realm="a",algorithm=MD5-sess', 'Digest realm="a",foo=bar,baz="q"',
  'Digest realm="a\\"b"', 'Digest realm="a\\\\b"', 'Digest realm="é"', 'Digest realm="a",opaque="xyz",cnonce="1"',
  'Digest realm = "a" , nonce = "b"', 'Digest realm="asterisk",nonce="1",algorithm=MD5,qop="auth"',
  'Basic realm="x"', 'Bearer authz_server="https://a", scope="sip"',
  'Digest realm="a",domain="sip:a sip:b"', 'Digest realm="a", qop=auth', 'Digest realm="a',
  'Digest', '', 'Digest realm', 'Digest =x', 'Digest realm="a" nonce="b"', 'Digest realm="a",,nonce="b"',
];

const METHODS = ['INVITE', 'ACK', 'OPTIONS', 'BYE', 'CANCEL', 'REGISTER', 'SUBSCRIBE', 'NOTIFY', 'REFER',
  'UPDATE', 'PRACK', 'MESSAGE', 'INFO', 'PUBLISH', 'FOO', 'invite', "!#x", '', 'A B', 'INVITE2', 'INVITER', 'BYEBYE'];

const WORDS = ['', 'a', 'a,b', 'a, b ,c', 'timer,100rel', 'a;b', 'a b', ',', 'a,', ',a', 'é', 'a.b', '"a"'];
const NUMBERS = ['0', '1', '70', '007', '255', '256', '3600', '4294967295', '', ' 1', '1 ', '-1', '+1', '1.5', 'x', '1x'];
const CALL_IDS = ['a', 'a@b', 'f81d4fae-7dec@192.0.2.1', '3848276298220188511@atlanta.example.com', 'a(b)<c>:\\"/[]?{}',
  '', '@', 'a@', '@b', 'a@b@c', 'a b', 'é', 'a;b', 'a,b', 'a=b'];
const UUIDS = ['f81d4fae-7dec-11d0-a765-00a0c91e6bf6', 'F81D4FAE-7DEC-11D0-A765-00A0C91E6BF6', '00000000-0000-0000-0000-000000000000',
  '', 'x', 'f81d4fae-7dec-11d0-a765', 'g81d4fae-7dec-11d0-a765-00a0c91e6bf6', 'f81d4fae7dec11d0a76500a0c91e6bf6',
  ' f81d4fae-7dec-11d0-a765-00a0c91e6bf6', '{f81d4fae-7dec-11d0-a765-00a0c91e6bf6}'];
const STATUS_LINES = ['SIP/2.0 200 OK', 'SIP/2.0 100 Trying', 'SIP/2.0 486 Busy Here', 'SIP/2.0 200 ', 'sip/2.0 200 OK',
  'SIP/2.0 404 Nicht gefunden: weg!', 'SIP/2.0 200 Grün 🎉', 'SIP/2.0 200 100%25', 'SIP/7.1 699 X', 'SIP/2.0 603 Declined (x)',
  'SIP/2.0 200', 'SIP/2.0 20 OK', 'SIP/2.0 2000 OK', 'SIP/2.0  200 OK', 'HTTP/1.1 200 OK', 'SIP/2 200 OK', 'SIP/2.0 abc OK', ''];
const REQUEST_LINES = [
  ...METHODS.map((method) => `${method} sip:bob@example.com SIP/2.0`),
  ...['sip:b', 'sips:a@b:5061;lr', 'sip:a@b;transport=ws;ob', 'sip:a@[::1]', 'sip:a@b?x=y', 'sip:', 'a', '<sip:a@b>', '', '*',
    'sip:a b@c'].map((uri) => `INVITE ${uri} SIP/2.0`),
  'INVITE sip:a@b', 'INVITE sip:a@b ', 'INVITE sip:a@b HTTP/1.1', 'INVITE  sip:a@b SIP/2.0', 'INVITE sip:a@b  SIP/2.0',
  'INVITE sip:a@b SIP/2.0 ', ' INVITE sip:a@b SIP/2.0', 'INVITE sip:a@b SIP/x', 'INVITE\tsip:a@b\tSIP/2.0',
];
const ABSOLUTE = ['ws://a', 'wss://example.com', 'wss://example.com/', 'wss://example.com/ws?x=y&z', 'WSS://Example.COM/', 'ws://10.0.0.1',
  'ws://[::1]/', 'ws://a/b/c;d=e', 'http://a_b/', 'tel:+123', 'urn:service:sos', 'mailto:a@b', 'sip:a@b', 'foo:/a/b', 'x+y-z.1:a',
  'ws://', 'ws:///a', 'ws:', '://a', '1x://a', 'ws://a b', 'ws://a..b', 'ws://a:b', 'ws://a#f', 'ws//a', '', 'ws', 'ws://a<b>', 'ws://a:999999'];

/** The texts for each rule. */
export const CORPUS = {
  SIP_URI: URIS,
  Name_Addr_Header: ADDRESSES,
  From: ADDRESSES,
  To: ADDRESSES,
  Refer_To: ADDRESSES,
  Contact: LISTS,
  Record_Route: LISTS,
  Via: VIAS,
  Reason: REASONS,
  challenge: CHALLENGES,
  WWW_Authenticate: CHALLENGES,
  Proxy_Authenticate: CHALLENGES,
  host: HOSTS,
  hostname: HOSTS,
  IPv4address: HOSTS,
  IPv6reference: HOSTS,
  hostport: [...HOSTS, 'a:5060', '[::1]:5060', '10.0.0.1:80', 'a:x', 'a:5060x'],
  CSeq: ['1 INVITE', '0 ACK', '314159 REGISTER', '2147483647 BYE', '1  INVITE', '1\tINVITE', '01 FOO', '', '1', 'INVITE 1', '1INVITE',
    'x INVITE', '-1 INVITE', '1 INVITE x', '1 IN VITE'],
  Event: ['presence', 'refer', 'refer;id=93809823', 'dialog;sla', 'REFER', 'message-summary', 'x;a="b";c', '', ';id=1', 'a b', 'a;=b', 'a,b'],
  Session_Expires: ['90', '1800;refresher=uac', '1800;refresher=UAS', '0', '4000 ; refresher = uas', '90;x=y', '90;refresher=uac;x',
    '', 'x', '-1', '1.5', '90;', '90;refresher=none', '90 uac'],
  Subscription_State: ['active', 'pending;expires=60', 'terminated;reason=noresource', 'active;expires=600000;x=y', 'terminated;reason=timeout;x',
    'Active', 'foo', '', ';expires=1', 'active;expires=x', 'active expires', 'terminated;reason="q"'],
  Replaces: ['a@b;to-tag=1;from-tag=2', 'a;from-tag=2;to-tag=1', '425928@bobster.example.org;to-tag=7743;from-tag=6472;early-only',
    'a;to-tag=1', 'a', 'a;to-tag=1;from-tag=2;x=y', 'a@b@c;to-tag=1;from-tag=2', '', ';to-tag=1', 'a b;to-tag=1', 'a;to-tag=;from-tag=2'],
  Request_Response: [...STATUS_LINES, ...REQUEST_LINES],
  Request_Line: [...STATUS_LINES.slice(0, 3), ...REQUEST_LINES],
  Status_Line: [...STATUS_LINES, ...REQUEST_LINES.slice(0, 3)],
  absoluteURI: ABSOLUTE,
  Content_Type: ['application/sdp', 'text/plain', 'text/plain;charset=UTF-8', 'multipart/mixed; boundary="a b"', 'a / b', 'message/sipfrag;version=2.0',
    'application/dtmf-relay', '', 'a', 'a/', '/b', 'a/b/c', 'a/b;c', 'a/b c', 'a/b;'],
  Content_Length: NUMBERS, Max_Forwards: NUMBERS, Expires: NUMBERS, Min_Expires: NUMBERS, delta_seconds: NUMBERS, port: ['5060', '0', 'x', '123456', '-1'],
  Call_ID: CALL_IDS,
  uuid: UUIDS,
  uuid_URI: UUIDS.map((uuid) => `uuid:${uuid}`),
  Supported: WORDS, Require: WORDS, Proxy_Require: WORDS, Content_Encoding: WORDS, Allow_Events: WORDS,
  Content_Disposition: ['session', 'render;handling=optional', 'session ; handling=required', 'a;b=c', '', ';a', 'a b'],
  Subject: ['', 'hello', 'hello there', 'é🎉', 'a,b;c'],
  Method: METHODS,
  token: ['a', "a-b.c!d%e*f_g+h`i'j~k", '', 'a b', 'é', 'a/b', '(a)'],
  quoted_string: ['"a"', '""', '"a b"', '"a\\"b"', '"é"', '', 'a', '"a', 'a"', '"a"b', '"a\\"'],
  user: ['a', 'a%20b', 'a;b', '', 'a b', 'a%2', 'é'],
  userinfo: USERS,
  scheme: ['sip', 'a+b-c.d1', '', '1a', 'a b'],
  qvalue: ['0', '1', '0.5', '0.123', '1.000', '0.', '2', '', '1.5', '0.1234'],
  Status_Code: ['200', '99', '1000', ''],
  SIP_Version: ['SIP/2.0', 'sip/2.0', 'SIP/22.10', 'SIP/2', 'HTTP/1.1', ''],
  name_addr: ['<sip:a@b>', '"A" <sip:a@b;lr>', 'A B <sip:a@b>', 'sip:a@b', '', '<a>'],
};
