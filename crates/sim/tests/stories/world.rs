//! Alice, Bob, and the switchboard between them.

use std::time::Duration;

use offhook_core::auth::Secret;
use offhook_core::{
    CallOptions, Config, Destination, Live, SessionId, TerminateOptions, Transport,
};
use offhook_sim::{Conditions, HOST, Handle, Network, Phone, Ringing, Switchboard};
use offhook_sip::Uri;

const PASSWORD: &str = "open sesame";

pub(crate) fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

pub(crate) fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// The seeds of a story: `count` of them, or as many times more as `OFFHOOK_SEEDS` says; or the
/// one that `OFFHOOK_SEED` names, to see a failure again.
pub(crate) fn seeds(count: u64) -> std::ops::Range<u64> {
    let named = |name| {
        std::env::var(name)
            .ok()
            .and_then(|value| value.parse::<u64>().ok())
    };
    match named("OFFHOOK_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..count * named("OFFHOOK_SEEDS").unwrap_or(1),
    }
}

/// What the seed API tells after `failed`: why it failed.
const LATE: [&str; 2] = [
    "getusermediafailed",
    "peerconnection:setremotedescriptionfailed",
];

pub(crate) struct World {
    pub(crate) seed: u64,
    pub(crate) network: Network,
    pub(crate) switchboard: Handle<Switchboard>,
    pub(crate) alice: Handle<Phone>,
    pub(crate) bob: Handle<Phone>,
    transport: Transport,
}

impl World {
    /// Both are registered; from then on the network has these conditions.
    pub(crate) fn new(seed: u64, transport: Transport, conditions: Conditions) -> World {
        World::with_ringing(seed, transport, conditions, Ringing::Answered(s(1)))
    }

    pub(crate) fn with_ringing(
        seed: u64,
        transport: Transport,
        conditions: Conditions,
        ringing: Ringing,
    ) -> World {
        World::with_phones(seed, transport, conditions, |phone| {
            phone.with_ringing(ringing.clone())
        })
    }

    /// The phones are made to one's wishes, Alice's first.
    pub(crate) fn with_phones(
        seed: u64,
        transport: Transport,
        conditions: Conditions,
        mut make: impl FnMut(Phone) -> Phone,
    ) -> World {
        let mut network = Network::new(seed);
        network.set_conditions(conditions);
        let switchboard = network.add("switchboard", Switchboard::new().with_password(PASSWORD));
        network.listen(switchboard, transport, transport.default_port());
        let alice = network.add("alice", make(phone("alice", transport, seed * 3)));
        let bob = network.add("bob", make(phone("bob", transport, seed * 3 + 1)));
        let mut world = World {
            seed,
            network,
            switchboard,
            alice,
            bob,
            transport,
        };
        for phone in [alice, bob] {
            world
                .network
                .with(phone, |phone, now| phone.act(now, |agent| agent.start(now)));
        }
        world.until(s(40), "both register", |world| {
            [alice, bob]
                .iter()
                .all(|&phone| world.network.node(phone).agent().is_registered())
        });
        world
    }

    /// Bob has one more phone, under the same address.
    pub(crate) fn another_for_bob(&mut self, name: &str, ringing: Ringing) -> Handle<Phone> {
        let phone = phone("bob", self.transport, self.seed * 3 + 2).with_ringing(ringing);
        let phone = self.network.add(name, phone);
        self.network
            .with(phone, |phone, now| phone.act(now, |agent| agent.start(now)));
        self.until(s(40), "the other phone registers", |world| {
            world.network.node(phone).agent().is_registered()
        });
        phone
    }

    pub(crate) fn call(&mut self) -> SessionId {
        self.try_call().unwrap()
    }

    pub(crate) fn try_call(&mut self) -> Option<SessionId> {
        self.network.with(self.alice, |alice, now| {
            let options = CallOptions::default();
            alice
                .act(now, |agent| agent.call(now, "sip:bob@example.com", options))
                .ok()
        })
    }

    pub(crate) fn hang_up(&mut self, phone: Handle<Phone>, session: SessionId) -> bool {
        self.network.with(phone, |phone, now| {
            phone.act(now, |agent| {
                let Ok(mut session) = agent.session(session) else {
                    return false;
                };
                session.terminate(now, TerminateOptions::default()).is_ok()
            })
        })
    }

    /// Waits until the call that Alice makes stands on both sides; the session at Bob's.
    #[track_caller]
    pub(crate) fn until_it_stands(&mut self, limit: Duration, call: SessionId) -> SessionId {
        let (alice, bob) = (self.alice, self.bob);
        self.until(limit, "both are confirmed", |world| {
            let sessions = world.network.node(bob).sessions();
            let answered = sessions.first();
            world.has(alice, call, "confirmed")
                && answered.is_some_and(|&session| world.has(bob, session, "confirmed"))
        });
        self.only_session(bob)
    }

    /// The story of a session without what is told beside its stages.
    pub(crate) fn stages(&self, phone: Handle<Phone>, session: SessionId) -> String {
        const STAGES: [&str; 7] = [
            "connecting",
            "progress",
            "accepted",
            "confirmed",
            "ended",
            "failed",
            "closed",
        ];
        let mut story = self.network.node(phone).story(session);
        story.retain(|event| STAGES.contains(event));
        story.join(" ")
    }

    pub(crate) fn has(&self, phone: Handle<Phone>, session: SessionId, event: &str) -> bool {
        self.network.node(phone).story(session).contains(&event)
    }

    /// The one session of a phone that was called.
    #[track_caller]
    pub(crate) fn only_session(&self, phone: Handle<Phone>) -> SessionId {
        let sessions = self.network.node(phone).sessions();
        assert_eq!(sessions.len(), 1, "{self}");
        sessions[0]
    }

    #[track_caller]
    pub(crate) fn until(&mut self, limit: Duration, what: &str, done: impl Fn(&World) -> bool) {
        let end = self.network.now() + limit;
        while !done(self) {
            let next = self.network.next().filter(|&at| at <= end);
            assert!(next.is_some(), "not within {limit:?}: {what}\n{self}");
            self.network.step();
        }
    }

    /// What holds after every call, whatever happened to it: each session has ended exactly once
    /// and said nothing afterwards, and nobody holds anything of it.
    #[track_caller]
    pub(crate) fn assert_over(&mut self, phones: &[Handle<Phone>]) {
        self.network.run_for(s(200));
        for &phone in phones {
            let node = self.network.node(phone);
            for session in node.sessions() {
                let story = node.story(session);
                let ends = story
                    .iter()
                    .filter(|event| ["ended", "failed"].contains(event))
                    .count();
                assert_eq!(ends, 1, "{story:?}\n{self}");
                assert_eq!(story.last(), Some(&"closed"), "{story:?}\n{self}");
                let end = story
                    .iter()
                    .position(|event| ["ended", "failed"].contains(event));
                let after = &story[end.unwrap() + 1..story.len() - 1];
                assert!(
                    after.iter().all(|event| LATE.contains(event)),
                    "{story:?}\n{self}"
                );
                assert!(node.connection(session).is_none(), "{self}");
            }
            let live = node.agent().live();
            let Live {
                sessions,
                dialogs,
                client_transactions,
                server_transactions,
                asks,
                ..
            } = live;
            let calls = [
                sessions,
                dialogs,
                client_transactions,
                server_transactions,
                asks,
            ];
            assert_eq!(calls, [0; 5], "{live:?}\n{self}");
            // The registration's refresh alone.
            assert!(live.timers <= 1, "{live:?}\n{self}");
        }
        let board = self.network.node(self.switchboard);
        assert!(board.is_idle(), "{}\n{self}", board.left());
        assert_eq!(board.unstamped(), 0, "{self}");
    }
}

impl std::fmt::Display for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "seed {}:\n{}", self.seed, self.network.ladder())
    }
}

fn phone(user: &str, transport: Transport, seed: u64) -> Phone {
    let address = Uri::parse(&format!("sip:{user}@example.com"))
        .unwrap()
        .into_owned();
    let mut config = Config::new(address);
    let url = format!("{}://{HOST}", transport.as_str().to_lowercase());
    config.servers = vec![Destination::from_url(&url).unwrap()];
    config.secret = Some(Secret::Password(PASSWORD.to_owned()));
    // Longer than any story, so that no refresh falls into the end of one.
    config.register_expires = s(7_200);
    Phone::new(config, seed)
        .unwrap()
        .with_host(HOST, "10.0.0.1".parse().unwrap())
}
