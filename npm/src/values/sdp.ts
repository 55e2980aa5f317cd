// `parseSDP` of messages: a session description (RFC 8866) as the object that the npm package
// `sdp-transform` makes of it, which JsSIP gives to applications.

// What it holds depends on the attributes.
export type SessionDescription = Record<string, any>;

/**
 * The lines of a description, each: its letter; the property it becomes, with `[]` where there may
 * be several, and `-` for those of the section itself; and its value, a regular expression in which
 * `{name}` stands for a word, `{name#}` for a number and `{name:pattern}` for what the pattern
 * says. A line whose places have no names is one value, any other an object of them.
 */
const LINES = String.raw`
v version {#}$
o origin {username} {sessionId#} {sessionVersion#} {netType} IP{ipVer:\d} {address}
s name {:.*}
i description {:.*}
u uri {:.*}
e email {:.*}
p phone {:.*}
z timezones {:.*}
r repeats {:.*}
t timing {start#} {stop#}
c connection IN IP{version:\d} {ip}
b bandwidth[] {type:TIAS|AS|CT|RR|RS}:{limit#}
m - {type:\w*} {port#} {protocol:[\w/]*}(?: {payloads:.*})?
a rtp[] rtpmap:{payload#} {codec:[\w\-.]*}(?:\s*/{rate#}(?:\s*/{encoding})?)?
a fmtp[] fmtp:{payload#} {config:[\S ]*}
a control control:{:.*}
a rtcp rtcp:{port#}(?: {netType} IP{ipVer:\d} {address})?
a rtcpFbTrrInt[] rtcp-fb:{payload:\*|\d*} trr-int {value#}
a rtcpFb[] rtcp-fb:{payload:\*|\d*} {type:[\w-]*}(?: {subtype:[\w-]*})?
a ext[] extmap:{value:\d+}(?:/{direction:\w+})?(?: {encrypt-uri:urn:ietf:params:rtp-hdrext:encrypt})? {uri}(?: {config})?
a extmapAllowMixed {:extmap-allow-mixed}
a crypto[] crypto:{id#} {suite:\w*} {config}(?: {sessionConfig})?
a setup setup:{:\w*}
a connectionType connection:{:new|existing}
a mid mid:{}
a msid msid:{:.*}
a ptime ptime:{:\d*(?:\.\d*)*}
a maxptime maxptime:{:\d*(?:\.\d*)*}
a direction {:sendrecv|recvonly|sendonly|inactive}
a icelite {:ice-lite}
a iceUfrag ice-ufrag:{}
a icePwd ice-pwd:{}
a fingerprint fingerprint:{type} {hash}
a candidates[] candidate:{foundation} {component#} {transport} {priority#} {ip} {port#} typ {type}(?: raddr {raddr} rport {rport#})?(?: tcptype {tcptype})?(?: generation {generation#})?(?: network-id {network-id#})?(?: network-cost {network-cost#})?
a endOfCandidates {:end-of-candidates}
a remoteCandidates remote-candidates:{:.*}
a iceOptions ice-options:{}
a ssrcs[] ssrc:{id#} {attribute:[\w-]*}(?::{value:.*})?
a ssrcGroups[] ssrc-group:{semantics:[\w!#-'*+\-.]*} {ssrcs:.*}
a msidSemantic msid-semantic:\s?{semantic:\w*} {token}
a groups[] group:{type:\w*} {mids:.*}
a rtcpMux {:rtcp-mux}
a rtcpRsize {:rtcp-rsize}
a sctpmap sctpmap:{sctpmapNumber:[\w/]*} {app}(?: {maxMessageSize})?
a xGoogleFlag x-google-flag:{}
a rids[] rid:{id:\w+} {direction:\w+}(?: {params:[\S ]*})?
a imageattrs[] imageattr:{pt:\d+|\*}\s+{dir1:send|recv}\s+{attrs1:\*|\[\S+](?:\s+\[\S+])*}(?:\s+{dir2:recv|send}\s+{attrs2:\*|\[\S+](?:\s+\[\S+])*})?
a simulcast simulcast:{dir1:send|recv} {list1:[\w\-~;,]+}(?:\s?{dir2:send|recv} {list2:[\w\-~;,]+})?$
a simulcast_03 simulcast:\s+{value:[^]+}$
a framerate framerate:{:\d+(?:$|\.\d+)}
a sourceFilter source-filter: *{filterMode:excl|incl} {netType} {addressTypes:IP4|IP6|\*} {destAddress} {srcList:.*}
a bundleOnly {:bundle-only}
a label label:{:.+}
a sctpPort sctp-port:{:\d+}$
a maxMessageSize max-message-size:{:\d+}$
a tsRefClocks[] ts-refclk:{clksrc:[^\s=]*}(?:={clksrcExt})?
a mediaClk mediaclk:(?:id={id})? *{mediaClockName:[^\s=]*}(?:={mediaClockValue})?(?: *rate={rateNumerator:\d+}/{rateDenominator:\d+})?
a keywords keywds:{:.+}$
a content content:{:.+}
a bfcpFloorCtrl floorctrl:{:c-only|s-only|c-s}
a bfcpConfId confid:{:\d+}
a bfcpUserId userid:{:\d+}
a bfcpFloorId floorid:{id:.+} (?:m-stream|mstrm):{mStream:.+}
a invalid[] {value:.*}
`;

interface Line {
  letter: string;
  property: string;
  pattern: RegExp;
  names: string[];
}

let lines: Line[] | undefined;

/** The table, made ready when it is first used. */
function known(): Line[] {
  return (lines ??= Array.from(LINES.matchAll(/^(.) (\S+) (.*)$/gm), (line) => {
    const [, letter = '', property = '', value = ''] = line;
    const names: string[] = [];
    const source = value.replace(/{([\w-]*)(?:(#)|:(.*?))?}/g, (_place, name, number, pattern) => {
      names.push(name);
      return `(${pattern ?? (number ? '\\d*' : '\\S*')})`;
    });
    return { letter, property, pattern: new RegExp(`^${source}`), names };
  }));
}

export function parseDescription(text: string | null | undefined): SessionDescription {
  const media: SessionDescription[] = [];
  const session: SessionDescription = {};
  let section = session;
  for (const line of (text || '').split(/[\r\n]+/)) {
    const [letter, sign] = line;
    if (sign !== '=') continue;
    if (letter === 'm') media.push((section = { rtp: [], fmtp: [] }));
    const value = line.slice(2);
    const rule = known().find((one) => one.letter === letter && one.pattern.test(value));
    if (rule) put(section, rule, rule.pattern.exec(value) as RegExpExecArray);
  }
  session['media'] = media;
  return session;
}

/** Puts what was found in a line where it belongs. */
function put(section: SessionDescription, { property, names }: Line, found: RegExpExecArray): void {
  if (names[0] === '') {
    section[property] = toNumber(found[1] as string);
    return;
  }
  let into = section;
  if (property.endsWith('[]')) (section[property.slice(0, -2)] ??= []).push((into = {}));
  else if (property !== '-') into = section[property] ??= {};
  names.forEach((name, at) => {
    const value = found[at + 1];
    if (value !== undefined) into[name] = toNumber(value);
  });
}

/** A number where the text is how JavaScript writes it. */
function toNumber(text: string): string | number {
  const number = Number(text);
  return String(number) === text ? number : text;
}
