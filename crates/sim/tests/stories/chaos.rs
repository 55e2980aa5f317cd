//! Anything may happen: networks that break, media that fails, people who hang up at the same
//! time, agents that are stopped. What has to hold all the same: each session ends exactly once,
//! nobody hangs, and nothing is left.

use crate::world::{World, ms, s, seeds};
use offhook_core::{ConnectionState, DtmfOptions, MediaReport, MediaStep, Transport};
use offhook_sim::{Chance, Conditions, Cut, Handle, MediaBehaviour, Phone, Ringing};
use offhook_sip::StatusCode;

/// One of these.
fn one<T: Clone>(chance: &mut Chance, of: &[T]) -> T {
    of[chance.below(of.len())].clone()
}

fn conditions(chance: &mut Chance) -> Conditions {
    let slowest = one(chance, &[ms(5), ms(50), ms(300), s(2)]);
    Conditions::perfect()
        .with_loss(one(chance, &[0.0, 0.05, 0.2, 0.4]))
        .with_duplication(one(chance, &[0.0, 0.1]))
        .with_delay(ms(1)..=slowest)
        .with_reordering(chance.happens(0.5))
        .with_cuts(one(chance, &[0.0, 0.02, 0.1]))
}

fn ringing(chance: &mut Chance) -> Ringing {
    let after = chance.within(&(ms(0)..=s(4)));
    match chance.below(4) {
        0 => Ringing::Ignored,
        1 => Ringing::Rejected(after, StatusCode::new(603).unwrap()),
        _ => Ringing::Answered(after),
    }
}

fn media(chance: &mut Chance) -> MediaBehaviour {
    let mut behaviour = MediaBehaviour::default();
    behaviour.step = ms(0)..=one(chance, &[ms(0), ms(10), ms(400)]);
    behaviour.gathering = one(chance, &[ms(0), ms(40), s(3), s(300)]);
    let steps = [
        MediaStep::Open,
        MediaStep::Capture,
        MediaStep::CreateOffer,
        MediaStep::CreateAnswer,
        MediaStep::SetLocal,
        MediaStep::SetRemote,
        MediaStep::DescribeLocal,
    ];
    if chance.happens(0.15) {
        behaviour.fails = Some(one(chance, &steps));
    }
    behaviour
}

/// Something happens to one of the phones.
fn strike(world: &mut World, chance: &mut Chance, phone: Handle<Phone>) {
    let sessions = world.network.node(phone).sessions();
    let session = (!sessions.is_empty()).then(|| one(chance, &sessions));
    match (chance.below(8), session) {
        (0 | 1, Some(session)) => {
            world.hang_up(phone, session);
        }
        (2, _) => world.network.cut(phone, Cut::Heard),
        (3, _) => {
            let unheard = chance.within(&(ms(0)..=s(40)));
            world.network.cut(phone, Cut::Unheard(unheard));
        }
        (4, Some(session)) => world.network.with(phone, |phone, now| {
            phone.act(now, |agent| {
                if let Ok(mut session) = agent.session(session) {
                    // Not every state has room for tones.
                    let _ = session.send_dtmf(now, "19#", DtmfOptions::default());
                }
            });
        }),
        (5, Some(session)) => {
            let states = [
                ConnectionState::Disconnected,
                ConnectionState::Failed,
                ConnectionState::Connected,
            ];
            let state = MediaReport::Connection(one(chance, &states));
            world
                .network
                .with(phone, |phone, now| phone.media_happens(now, session, state));
        }
        (6, _) if chance.happens(0.3) => {
            world
                .network
                .with(phone, |phone, now| phone.act(now, |agent| agent.stop(now)));
            let pause = chance.within(&(ms(0)..=s(5)));
            world.network.run_for(pause);
            world
                .network
                .with(phone, |phone, now| phone.act(now, |agent| agent.start(now)));
        }
        (7, _) => {
            let worse = conditions(chance);
            world.network.set_conditions(worse);
        }
        _ => {}
    }
}

#[test]
fn whatever_happens_each_session_ends_exactly_once_and_nothing_is_left() {
    let mut talked = 0;
    let mut called = 0;
    for seed in seeds(300) {
        let mut chance = Chance::from_seed(seed ^ 0xc4a05);
        let transport = one(
            &mut chance,
            &[
                Transport::Udp,
                Transport::Tcp,
                Transport::Ws,
                Transport::Wss,
            ],
        );
        let mut world = World::with_phones(seed, transport, Conditions::perfect(), |phone| {
            phone
                .with_ringing(ringing(&mut chance))
                .with_media(media(&mut chance))
        });
        let other = world.another_for_bob("bob's desk", ringing(&mut chance));
        let phones = [world.alice, world.bob, other];
        let rough = conditions(&mut chance);
        world.network.set_conditions(rough);
        for _ in 0..3 {
            // An agent that is being stopped takes no call.
            called += usize::from(world.try_call().is_some());
            for _ in 0..chance.below(5) {
                let pause = chance.within(&(ms(0)..=s(2)));
                world.network.run_for(pause);
                let phone = one(&mut chance, &phones);
                strike(&mut world, &mut chance, phone);
            }
        }
        // The weather clears; whoever still talks hangs up.
        world.network.set_conditions(Conditions::perfect());
        world.network.run_for(s(120));
        for phone in phones {
            assert!(world.network.node(phone).agent().is_registered(), "{world}");
        }
        for phone in phones {
            for session in world.network.node(phone).sessions() {
                talked += usize::from(world.has(phone, session, "confirmed"));
                world.hang_up(phone, session);
            }
            world.network.run_for(s(1));
        }
        world.assert_over(&phones);
    }
    if seeds(300).count() >= 300 {
        assert!(
            called > 500 && talked > 100,
            "{called} calls and {talked} talks show little"
        );
    }
}
