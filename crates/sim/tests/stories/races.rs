//! Two things at once: each race is run at every moment at which its messages can cross, over
//! transports that keep messages and over one that may lose them, and under each of them the same
//! holds in the end: both sides agree, each session ends once, nothing is left.

use std::time::Duration;

use crate::world::{World, ms, s};
use offhook_core::{
    CommandError, ReferOptions, ReofferOptions, SessionId, SessionMut, TerminateOptions, Transport,
};
use offhook_sim::{Conditions, Cut, Handle, Phone, Ringing};

/// From one phone to the switchboard, or from there to the other.
const HOP: Duration = Duration::from_millis(50);

const TRANSPORTS: [Transport; 2] = [Transport::Udp, Transport::Ws];

/// What is done to a session.
type Deed = fn(SessionMut<'_>, offhook_core::Instant) -> Result<(), CommandError>;

const HANG_UP: Deed = |mut session, now| session.terminate(now, TerminateOptions::default());
const HOLD: Deed = |mut session, now| session.hold(now, ReofferOptions::default()).map(drop);
const RENEGOTIATE: Deed = |mut session, now| {
    session
        .renegotiate(now, ReofferOptions::default())
        .map(drop)
};
const UPDATE: Deed = |mut session, now| {
    let update = ReofferOptions {
        use_update: true,
        ..Default::default()
    };
    session.renegotiate(now, update).map(drop)
};
const REFER: Deed = |mut session, now| {
    session
        .refer(now, "sip:carol@example.com", ReferOptions::default())
        .map(drop)
};

fn steady() -> Conditions {
    Conditions::perfect().with_delay(HOP..=HOP)
}

/// Moments up to a round trip and a little more, some milliseconds apart.
fn moments() -> impl Iterator<Item = Duration> {
    (0..=250).step_by(10).map(ms)
}

fn act(world: &mut World, phone: Handle<Phone>, session: SessionId, deed: Deed) -> bool {
    world.network.with(phone, |phone, now| {
        phone.act(now, |agent| {
            let session = agent.session(session);
            session.is_ok_and(|session| deed(session, now).is_ok())
        })
    })
}

/// A call that stands, and its session at each end.
fn standing(transport: Transport) -> (World, SessionId, SessionId) {
    let ringing = Ringing::Answered(ms(100));
    let mut world = World::with_ringing(1, transport, steady(), ringing);
    let call = world.call();
    let answered = world.until_it_stands(s(10), call);
    world.network.run_for(s(1));
    (world, call, answered)
}

/// How many messages with this first word a phone has sent.
fn sent(world: &World, who: &str, start: &str) -> usize {
    let messages = world.network.ladder().messages();
    messages
        .filter(|(from, what)| *from == who && what.starts_with(start))
        .count()
}

fn times(world: &World, phone: Handle<Phone>, session: SessionId, event: &str) -> usize {
    let story = world.network.node(phone).story(session);
    story.iter().filter(|told| **told == event).count()
}

/// Alice's deed, and Bob's after `moment`; a minute later, whoever still talks hangs up.
fn cross(transport: Transport, moment: Duration, first: Deed, second: Deed) -> Crossed {
    let (mut world, call, answered) = standing(transport);
    let (alice, bob) = (world.alice, world.bob);
    assert!(act(&mut world, alice, call, first), "{world}");
    world.network.run_for(moment);
    let done = act(&mut world, bob, answered, second);
    world.network.run_for(s(60));
    Crossed {
        world,
        call,
        answered,
        done,
    }
}

/// Lets two deeds cross at every moment, and looks at what came of them.
fn at_every_moment(first: Deed, second: Deed, mut look: impl FnMut(&Crossed)) {
    for transport in TRANSPORTS {
        for moment in moments() {
            let crossed = cross(transport, moment, first, second);
            look(&crossed);
            crossed.finish();
        }
    }
}

/// What came of two deeds.
struct Crossed {
    world: World,
    call: SessionId,
    answered: SessionId,
    /// Whether Bob's was possible.
    done: bool,
}

impl Crossed {
    fn is_established(&self) -> [bool; 2] {
        let Self { world, .. } = self;
        [(world.alice, self.call), (world.bob, self.answered)].map(|(phone, session)| {
            let info = world.network.node(phone).agent().session_info(session);
            info.is_some_and(|info| info.is_established())
        })
    }

    /// The call is over on both sides.
    fn has_ended(&self) {
        assert_eq!(self.is_established(), [false, false], "{}", self.world);
    }

    /// The call goes on, and the offer of the first deed was answered.
    fn came_through(&self) {
        let Crossed { world, call, .. } = self;
        assert_eq!(self.is_established(), [true, true], "{world}");
        let renegotiated = times(world, world.alice, *call, "renegotiated");
        assert_eq!(renegotiated, 1, "{world}");
    }

    /// Both sides are done, or get there by one more BYE.
    fn finish(mut self) {
        let (alice, bob) = (self.world.alice, self.world.bob);
        let stands = self.is_established();
        assert_eq!(stands[0], stands[1], "{}", self.world);
        act(&mut self.world, alice, self.call, HANG_UP);
        self.world.assert_over(&[alice, bob]);
    }
}

#[test]
fn a_cancel_against_the_200_ends_both_sides_whichever_wins() {
    let (mut cancelled, mut hung_up) = (0, 0);
    for transport in TRANSPORTS {
        for moment in (0..=600).step_by(10).map(ms) {
            let ringing = Ringing::Answered(ms(200));
            let mut world = World::with_ringing(1, transport, steady(), ringing);
            let (alice, bob) = (world.alice, world.bob);
            let call = world.call();
            world.network.run_for(moment);
            assert!(act(&mut world, alice, call, HANG_UP), "{world}");
            world.assert_over(&[alice, bob]);
            let byes = sent(&world, "alice", "BYE");
            cancelled += sent(&world, "alice", "CANCEL");
            hung_up += byes;
            assert!(byes <= 1, "{world}");
        }
    }
    assert!(cancelled > 0 && hung_up > 0, "{cancelled} {hung_up}");
}

#[test]
fn a_cancel_against_a_prack_ends_both_sides() {
    let mut pracks = 0;
    for transport in TRANSPORTS {
        for moment in (0..=700).step_by(10).map(ms) {
            let answered = Box::new(Ringing::Answered(s(5)));
            let ringing = Ringing::Progressed(ms(100), answered);
            let mut world = World::with_ringing(1, transport, steady(), ringing);
            let (alice, bob) = (world.alice, world.bob);
            let call = world.call();
            world.network.run_for(moment);
            assert!(act(&mut world, alice, call, HANG_UP), "{world}");
            world.assert_over(&[alice, bob]);
            assert_eq!(times(&world, alice, call, "failed"), 1, "{world}");
            pracks += sent(&world, "alice", "PRACK");
        }
    }
    assert!(pracks > 0);
}

#[test]
fn a_bye_against_a_reinvite_ends_both_sides() {
    at_every_moment(HOLD, HANG_UP, |crossed| {
        assert!(crossed.done);
        crossed.has_ended();
    });
}

#[test]
fn two_reinvites_that_meet_both_come_through() {
    let mut refused = 0;
    at_every_moment(HOLD, HOLD, |crossed| {
        let Crossed {
            world,
            call,
            answered,
            done,
        } = crossed;
        crossed.came_through();
        let held = |phone: Handle<Phone>, session: SessionId| {
            let info = world.network.node(phone).agent().session_info(session);
            let held = info.map(|info| info.is_on_hold());
            held.map(|held| (held.local, held.remote))
        };
        assert_eq!(held(world.alice, *call), Some((true, *done)), "{world}");
        assert_eq!(held(world.bob, *answered), Some((*done, true)), "{world}");
        refused += sent(world, "alice", "SIP/2.0 491") + sent(world, "bob", "SIP/2.0 491");
    });
    assert!(refused > 0, "no offers met, so this shows nothing");
}

#[test]
fn an_update_against_a_reinvite_leaves_the_call_and_both_come_through() {
    for (first, second) in [(UPDATE, RENEGOTIATE), (RENEGOTIATE, UPDATE)] {
        at_every_moment(first, second, |crossed| {
            crossed.came_through();
            let world = &crossed.world;
            let of_bob = times(world, world.bob, crossed.answered, "renegotiated");
            assert_eq!(of_bob, usize::from(crossed.done), "{world}");
        });
    }
}

#[test]
fn a_refer_against_a_bye_ends_the_call_and_the_subscription() {
    at_every_moment(REFER, HANG_UP, |crossed| {
        assert!(crossed.done);
        crossed.has_ended();
    });
}

#[test]
fn both_hang_up_at_once() {
    at_every_moment(HANG_UP, HANG_UP, Crossed::has_ended);
}

#[test]
fn a_lost_ack_is_made_good_by_the_200_that_comes_again() {
    // A datagram may be lost, a stream's message only with its stream.
    for silence in [ms(300), s(2), s(6)] {
        let ringing = Ringing::Answered(ms(200));
        let mut world = World::with_ringing(1, Transport::Udp, steady(), ringing);
        let (alice, bob) = (world.alice, world.bob);
        let call = world.call();
        // The 200 has arrived at bob's end of the wire: nothing that alice sends now arrives.
        world.until(s(5), "bob has accepted", |world| {
            let sessions = world.network.node(bob).sessions();
            sessions
                .first()
                .is_some_and(|&session| world.has(bob, session, "accepted"))
        });
        world.network.run_for(2 * HOP - ms(1));
        let deaf = steady().with_loss(1.0);
        world.network.set_conditions_of(alice, Some(deaf));
        world.network.run_for(silence);
        world.network.set_conditions_of(alice, None);
        let answered = world.only_session(bob);
        world.until(s(33), "the ACK arrives", |world| {
            world.has(bob, answered, "confirmed") && world.has(alice, call, "confirmed")
        });
        assert!(act(&mut world, bob, answered, HANG_UP));
        world.assert_over(&[alice, bob]);
    }
}

#[test]
fn a_flow_that_is_lost_in_any_state_of_a_call_leaves_both_sides_agreed() {
    let mut lived = 0;
    for transport in [Transport::Tcp, Transport::Ws] {
        for how in [Cut::Heard, Cut::Unheard(s(3))] {
            for caller in [true, false] {
                // Preparing, calling, ringing, answering, answered, confirmed, talking.
                for moment in (0..=900).step_by(60).map(ms) {
                    let ringing = Ringing::Answered(ms(300));
                    let mut world = World::with_ringing(1, transport, steady(), ringing);
                    let (alice, bob) = (world.alice, world.bob);
                    let call = world.call();
                    world.network.run_for(moment);
                    let victim = if caller { alice } else { bob };
                    world.network.cut(victim, how);
                    world.network.run_for(s(100));
                    let stands = |phone: Handle<Phone>| {
                        let agent = world.network.node(phone).agent();
                        let sessions = world.network.node(phone).sessions();
                        let stand = |id: &&SessionId| {
                            let info = agent.session_info(**id);
                            info.is_some_and(|info| info.is_established())
                        };
                        sessions.iter().filter(stand).count()
                    };
                    assert_eq!(
                        stands(alice),
                        stands(bob),
                        "{transport} {moment:?}\n{world}"
                    );
                    lived += stands(alice);
                    for phone in [alice, bob] {
                        assert!(world.network.node(phone).agent().is_registered(), "{world}");
                    }
                    act(&mut world, alice, call, HANG_UP);
                    world.assert_over(&[alice, bob]);
                }
            }
        }
    }
    assert!(lived > 0, "no call survived");
}

#[test]
fn a_flow_that_is_lost_while_an_offer_is_under_way_leaves_the_call_and_the_offer_is_made() {
    for transport in [Transport::Tcp, Transport::Ws] {
        for (deed, at_alice) in [
            (HOLD, true),
            (RENEGOTIATE, true),
            (UPDATE, true),
            (HOLD, false),
            (RENEGOTIATE, false),
            (UPDATE, false),
        ] {
            for moment in (0..=250).step_by(25).map(ms) {
                let (mut world, call, answered) = standing(transport);
                let (alice, bob) = (world.alice, world.bob);
                assert!(act(&mut world, alice, call, deed), "{world}");
                world.network.run_for(moment);
                let victim = if at_alice { alice } else { bob };
                world.network.cut(victim, Cut::Heard);
                world.network.run_for(s(100));
                for (phone, session) in [(alice, call), (bob, answered)] {
                    let info = world.network.node(phone).agent().session_info(session);
                    assert!(info.is_some_and(|info| info.is_established()), "{world}");
                }
                assert_eq!(times(&world, alice, call, "renegotiated"), 1, "{world}");
                assert!(act(&mut world, bob, answered, HANG_UP));
                world.assert_over(&[alice, bob]);
            }
        }
    }
}
