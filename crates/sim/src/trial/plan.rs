//! What a seed means: who takes part, over which network, and how patient everybody is.

use std::fmt;
use std::time::Duration;

use offhook_core::Transport;

use crate::chance::Chance;
use crate::conditions::Conditions;

/// Who stands between the phones.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Topology {
    /// Nobody: they reach each other's address.
    Direct,
    /// A registrar and forking proxy.
    Proxied,
}

/// How a phone's sessions are kept alive (RFC 4028).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Timers {
    pub(super) on: bool,
    pub(super) expires: u32,
    pub(super) by_update: bool,
    pub(super) forced: bool,
}

/// How an application deals with questions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Manners {
    /// The part of questions that it answers late.
    pub(super) slow: f64,
    /// The part that it never answers.
    pub(super) forgetful: f64,
    /// The part of peer connections in which a step fails.
    pub(super) broken: f64,
}

/// The world of one seed.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) topology: Topology,
    pub(super) transport: Transport,
    /// How many people there are, 2 or 3.
    pub(super) people: usize,
    /// How many more phones the second of them has.
    pub(super) desks: usize,
    /// Whether the registrar asks for a password.
    pub(super) secured: bool,
    pub(super) conditions: Conditions,
    /// Whether the weather clears after the last deed.
    pub(super) clears: bool,
    pub(super) timers: Vec<Timers>,
    pub(super) manners: Manners,
    /// How many deeds are done.
    pub(super) deeds: usize,
}

impl Plan {
    pub(super) fn of(chance: &mut Chance) -> Plan {
        let topology = if chance.happens(0.3) {
            Topology::Direct
        } else {
            Topology::Proxied
        };
        let transport = match topology {
            // Nobody connects to a browser.
            Topology::Direct => one(chance, &[Transport::Udp, Transport::Udp, Transport::Tcp]),
            Topology::Proxied => one(
                chance,
                &[
                    Transport::Udp,
                    Transport::Udp,
                    Transport::Tcp,
                    Transport::Tls,
                    Transport::Ws,
                    Transport::Wss,
                ],
            ),
        };
        let people = 2 + usize::from(chance.happens(0.4));
        let desks = match topology {
            Topology::Direct => 0,
            Topology::Proxied => one(chance, &[0, 0, 1, 2]),
        };
        let hostile = chance.happens(0.1);
        let conditions = weather(chance, hostile);
        // Most have them; where one has none, the network is all that tells of an end.
        let some_without = chance.happens(0.15);
        let timers = (0..people + desks)
            .map(|_| Timers {
                on: !(some_without && chance.happens(0.5)),
                expires: one(chance, &[90, 90, 120, 600]),
                by_update: chance.happens(0.7),
                forced: chance.happens(0.1),
            })
            .collect();
        let manners = Manners {
            slow: one(chance, &[0.0, 0.0, 0.1, 0.5]),
            forgetful: one(chance, &[0.0, 0.0, 0.0, 0.02]),
            broken: one(chance, &[0.0, 0.0, 0.1, 0.4]),
        };
        Plan {
            topology,
            transport,
            people,
            desks,
            secured: chance.happens(0.6),
            conditions,
            clears: chance.happens(0.6),
            timers,
            manners,
            deeds: 3 + chance.below(20),
        }
    }

    /// Whether somebody on the way does harm to messages; then nobody can be held to agree.
    pub(super) fn is_hostile(&self) -> bool {
        self.conditions.damage() > 0.0
    }

    /// Whether everybody's sessions are kept alive, so that a silent peer is noticed.
    pub(super) fn keeps_alive(&self) -> bool {
        self.timers.iter().all(|timers| timers.on)
    }

    /// The words under which this seed is counted.
    pub(super) fn labels(&self) -> Vec<&'static str> {
        let conditions = &self.conditions;
        let mut labels = vec![
            self.transport.as_str(),
            match (self.topology, self.desks) {
                (Topology::Direct, _) => "no proxy",
                (Topology::Proxied, 0) => "a proxy",
                (Topology::Proxied, _) => "a forking proxy",
            },
        ];
        let told = [
            (self.people > 2, "three parties"),
            (self.topology == Topology::Proxied && self.secured, "digest"),
            (conditions.loss() > 0.0, "loss"),
            (conditions.duplication() > 0.0, "duplication"),
            (conditions.reordering(), "reordering"),
            (*conditions.delay().end() > SLOW, "delay over 1 s"),
            (conditions.cuts() > 0.0, "cuts by chance"),
            (self.is_hostile(), "damaged messages"),
            (!self.clears, "bad to the end"),
            (!self.keeps_alive(), "some without session timers"),
            (self.manners.slow > 0.0, "late answers to questions"),
            (self.manners.forgetful > 0.0, "dropped questions"),
            (self.manners.broken > 0.0, "failing media"),
        ];
        labels.extend(told.iter().filter(|(is, _)| *is).map(|(_, label)| label));
        labels
    }
}

const SLOW: Duration = Duration::from_secs(1);

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.labels().join(", "))
    }
}

/// A network as a seed may have it: loss up to 20 %, delays up to 4 s.
pub(super) fn weather(chance: &mut Chance, hostile: bool) -> Conditions {
    let slowest = one(chance, &[2, 20, 200, 200, 1_000, 4_000]);
    Conditions::perfect()
        .with_loss(one(chance, &[0.0, 0.02, 0.1, 0.2]))
        .with_duplication(one(chance, &[0.0, 0.0, 0.1]))
        .with_delay(Duration::from_millis(1)..=Duration::from_millis(slowest))
        .with_reordering(chance.happens(0.5))
        .with_cuts(one(chance, &[0.0, 0.0, 0.01, 0.05]))
        .with_damage(if hostile {
            one(chance, &[0.01, 0.1, 0.3])
        } else {
            0.0
        })
}

/// One of these.
pub(super) fn one<T: Clone>(chance: &mut Chance, of: &[T]) -> T {
    of[chance.below(of.len())].clone()
}
