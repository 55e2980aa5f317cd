// `parseSDP` beside `sdp-transform`, which JsSIP takes for it.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { test } from 'node:test';

import { load } from '../load.mjs';

const theirs = createRequire(import.meta.url)('sdp-transform');
const { parseDescription } = await load('src/values/sdp.ts');

/** A line for every one that the table knows, and for what may be left out of it. */
const LINES = String.raw`
v=0
o=- 20518 0 IN IP4 203.0.113.1
o=jdoe 12345678901234567890 2 IN IP6 ::1
s=-
s=
i=A call about é
u=http://example.com/x.pdf
e=jane@example.com (Jane)
p=+44 (0)20
z=2882844526 -1h
r=604800 3600 0 90000
t=0 0
c=IN IP4 10.47.197.26/127
b=TIAS:50000
b=AS:4000
b=XX:1
k=clear:x
m=audio 54400 RTP/SAVPF 0 96
m=application 9 UDP/DTLS/SCTP
a=rtpmap:110 opus/48000/2
a=rtpmap:98 VP8/90000
a=rtpmap:9 G722
a=rtpmap:97 x-y.z /8000 / 1
a=fmtp:108 profile-level-id=24;object=23; bitrate=64000
a=control:streamid=0
a=rtcp:65179 IN IP4 193.84.77.194
a=rtcp:9
a=rtcp-fb:98 trr-int 100
a=rtcp-fb:* nack rpsi
a=rtcp-fb:98 transport-cc
a=extmap:2 urn:ietf:params:rtp-hdrext:toffset
a=extmap:1/recvonly URI-gps-string
a=extmap:3 urn:ietf:params:rtp-hdrext:encrypt urn:ietf:params:rtp-hdrext:smpte-tc 25@600/24
a=extmap-allow-mixed
a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:PS1uQCVe|2^20|1:32
a=crypto:1 AES_CM inline:x UNENCRYPTED_SRTP
a=setup:actpass
a=connection:new
a=connection:old
a=mid:1
a=mid:audio
a=msid:0c8b064d 98178685
a=ptime:20
a=ptime:2.5
a=maxptime:60
a=sendrecv
a=inactive
a=ice-lite
a=ice-ufrag:F7gI
a=ice-pwd:x9cml/YzichV2+XlhiMu8g
a=fingerprint:SHA-1 00:11:22:33
a=candidate:0 1 UDP 2113667327 203.0.113.1 54400 typ host
a=candidate:1162875081 1 udp 2113937151 192.168.34.75 60017 typ host generation 0 network-id 3 network-cost 10
a=candidate:3289912957 2 tcp 1845501695 a.local 9 typ srflx raddr 192.168.34.75 rport 60017 tcptype passive generation 0
a=candidate:x y
a=end-of-candidates
a=remote-candidates:1 203.0.113.1 54400 2 203.0.113.1 54401
a=ice-options:trickle ice2
a=ssrc:2566107569 cname:t9YU8M1UxTF8Y1A1
a=ssrc:2566107569 fec
a=ssrc-group:FEC-FR 3004364195 1080772241
a=ssrc-group:!#$%&'*+-._ 1
a=msid-semantic: WMS Jvlam5X3SX1OP6pn20zWogvaKJz5Hjf9OnlV
a=msid-semantic:WMS *
a=group:BUNDLE audio video
a=rtcp-mux
a=rtcp-rsize
a=sctpmap:5000 webrtc-datachannel 1024
a=sctpmap:5000 webrtc-datachannel
a=x-google-flag:conference
a=rid:1 send max-width=1280;max-height=720;max-fps=30;depend=0
a=rid:hi recv
a=imageattr:97 send [x=800,y=640,sar=1.1,q=0.6] [x=480,y=320] recv [x=330,y=250]
a=imageattr:* send [x=800,y=640] recv *
a=imageattr:100 recv [x=320,y=240]
a=simulcast:send 1,2,3;~4,~5 recv 6;~7,~8
a=simulcast:recv 1;4,5 send 6;7
a=simulcast: recv pt=97;98 send pt=97
a=framerate:25
a=framerate:29.97
a=framerate:29x
a=source-filter: incl IN IP4 239.5.2.31 10.1.15.5
a=bundle-only
a=label:1
a=sctp-port:5000
a=max-message-size:262144
a=max-message-size:1 2
a=ts-refclk:ptp=IEEE1588-2008:39-A7-94-FF-FE-07-CB-D0:37
a=ts-refclk:local
a=mediaclk:direct=963214424
a=mediaclk:id=x sender rate=48000/1001
a=keywds:keywords
a=content:main
a=floorctrl:c-s
a=confid:1
a=userid:01
a=floorid:1 m-stream:10
a=floorid:2 mstrm:3
a=ping:unheard of
a=
a
A=x
=
`.trim().split('\n');

const same = (text) => assert.deepEqual(parseDescription(text), theirs.parse(text), JSON.stringify(text));

test('every line of a description, whole and cut short at every place', () => {
  for (const line of LINES) {
    for (let end = 0; end <= line.length; end += 1) same(line.slice(0, end));
    same(line.toUpperCase());
    same(line.replace(/ /g, '  '));
  }
});

test('lines become one object, and those of a section are its own', () => {
  for (const end of ['\r\n', '\n', '\r', '\r\n\r\n']) same(LINES.join(end) + end);
  // Of what may be there once, the last says more.
  same([...LINES, ...LINES].join('\r\n'));
  for (const text of ['', '\r\n', ' v=0', 'm=audio 1 x 0\nm=video 2 x 1\na=mid:2']) same(text);
  assert.deepEqual(parseDescription(undefined), { media: [] });
});
