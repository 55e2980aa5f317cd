"""A baresip user agent, steered by lines of JSON, which tells what happens in lines of JSON.

usage: peer.py USER PASSWORD DOMAIN SERVER DTMF_MODE

SERVER is HOST:PORT of a SIP server over WebSocket, DTMF_MODE is rtpevent or info. It takes
{"do": "dial", "uri": ...}, answer, hold, resume, {"do": "dtmf", "digits": ...}, hangup, heard and
quit, and answers each with {"event": "done"} or {"event": "failed"}. In every call it sends a tone.
"""

import asyncio
import json
import math
import struct
import sys

from baresip import Account, AudioNotActive, AudioRestarted, Config, Event
from baresip.call import CallState
from baresip.runtime import Runtime
from baresip.ua import UserAgent

FRAME = 0.02
EVENTS = {
    Event.CALL_RINGING: "ringing",
    Event.CALL_ESTABLISHED: "established",
    Event.CALL_HOLD: "held",
    Event.CALL_RESUME: "resumed",
    Event.CALL_CLOSED: "closed",
}


def tell(event, **fields):
    print(json.dumps({"event": event, **fields}), flush=True)


def tone(rate, channels, hertz=440, volume=8000):
    """One frame of a tone that has a whole number of waves in it at this frequency's multiples."""
    samples = []
    for index in range(int(rate * FRAME)):
        value = int(volume * math.sin(2 * math.pi * hertz * index / rate))
        samples.extend([value] * channels)
    return struct.pack(f"<{len(samples)}h", *samples)


class Phone:
    def __init__(self):
        self.call = None
        self.tasks = set()
        self.bytes = 0
        self.loudest = 0

    def follow(self, call):
        self.call = call
        self.bytes = self.loudest = 0
        call.on(self.happened)
        call.on_dtmf(lambda digit: tell("dtmf", digit=digit.digit))
        task = asyncio.get_running_loop().create_task(self.talk(call))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    def happened(self, event):
        if event.event in EVENTS:
            tell(EVENTS[event.event], text=event.text)

    def incoming(self, call):
        self.follow(call)
        tell("incoming", peer=call.peer)

    async def talk(self, call):
        """Sends the tone and listens, as long as the call lives and has audio."""
        while call.state is not CallState.CLOSED:
            await asyncio.sleep(FRAME)
            try:
                info = call.audio.info()
                if info.tx_ready and info.tx_buffered == 0:
                    call.audio.write(tone(info.tx_sample_rate, info.tx_channels))
                heard = call.audio.read(65536)
            except (AudioNotActive, AudioRestarted):
                continue
            self.bytes += len(heard)
            samples = struct.unpack(f"<{len(heard) // 2}h", heard)
            self.loudest = max([self.loudest, *map(abs, samples)])

    async def carry_out(self, ua, command):
        do = command["do"]
        if do == "dial":
            self.follow(await ua.dial(command["uri"]))
        elif do == "answer":
            await self.call.answer()
        elif do == "hold":
            await self.call.hold()
        elif do == "resume":
            await self.call.resume()
        elif do == "dtmf":
            await self.call.send_dtmf(command["digits"])
        elif do == "hangup":
            await self.call.hangup()
        elif do == "heard":
            heard, self.bytes, self.loudest = (self.bytes, self.loudest), 0, 0
            return {"bytes": heard[0], "loudest": heard[1]}
        else:
            raise ValueError(f"{do!r} is unknown")
        return {}


async def main(user, password, domain, server, dtmf_mode):
    account = Account(
        user=user,
        domain=domain,
        password=password,
        registrar=f"{server};transport=ws",
        reg_interval=60,
        audio_codecs=("opus/48000/2", "pcmu"),
        dtmf_mode=dtmf_mode,
        auth_user=user,
        extra_params=("medianat=ice", "mediaenc=dtls_srtp", "rtcp_mux=yes"),
    )
    # The stack can, its Python face does not say so.
    object.__setattr__(account, "transport", "ws")
    config = Config(extra_config_text="sip_transports udp,tcp,ws\n")
    runtime = Runtime()
    await runtime.start(config)
    ua = await UserAgent.create(runtime, account)
    phone = Phone()
    ua.on_incoming(phone.incoming)
    await ua.register()
    tell("registered")

    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(lines), sys.stdin
    )
    while line := await lines.readline():
        command = json.loads(line)
        if command["do"] == "quit":
            break
        try:
            tell("done", **command, **await phone.carry_out(ua, command))
        except Exception as error:  # whatever it is: the test is told, and fails
            tell("failed", **command, error=repr(error))
    await ua.unregister()
    await runtime.close()


asyncio.run(main(*sys.argv[1:]))
