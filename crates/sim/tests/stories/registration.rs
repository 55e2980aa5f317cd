//! Registration over networks that are lost, and agents that are stopped.

use offhook_core::{Event, Transport};
use offhook_sim::{Conditions, Cut};

use crate::world::{World, ms, s, seeds};

#[test]
fn a_stop_that_is_taken_back_at_any_moment_leaves_the_phone_registered() {
    let way = ms(10);
    let conditions = Conditions::perfect().with_delay(way..=way);
    // From the connection on, a registration takes 40 ms: one round trip for the challenge, and
    // one more; so does the removal.
    for until_stop in (0..60).step_by(5) {
        for until_start in (0..60).step_by(5) {
            let mut world = World::new(1, Transport::Tcp, conditions.clone());
            let alice = world.alice;
            // Registered anew, so that the stop may fall into it.
            world.network.cut(alice, Cut::Heard);
            world.until(s(10), "the cut is heard", |world| {
                !world.network.node(alice).agent().is_connected()
            });
            world.until(s(10), "the connection stands again", |world| {
                world.network.node(alice).agent().is_connected()
            });
            world.network.run_for(ms(until_stop));
            world
                .network
                .with(alice, |alice, now| alice.act(now, |agent| agent.stop(now)));
            world.network.run_for(ms(until_start));
            world
                .network
                .with(alice, |alice, now| alice.act(now, |agent| agent.start(now)));
            world.network.run_for(s(20));
            assert!(
                world.network.node(alice).agent().is_registered(),
                "stopped after {until_stop} ms, started after {until_start} ms more\n{world}"
            );
            assert_eq!(
                world.network.node(world.switchboard).contacts_of("alice"),
                1,
                "{world}"
            );
        }
    }
}

#[test]
fn a_stopped_phone_is_gone_from_the_registrar_and_holds_nothing() {
    for seed in seeds(50) {
        let conditions = Conditions::perfect().with_delay(ms(1)..=ms(100));
        let mut world = World::new(seed, Transport::Wss, conditions);
        let alice = world.alice;
        let call = world.call();
        let talk = world.network.chance().within(&(ms(0)..=s(3)));
        world.network.run_for(talk);
        world
            .network
            .with(alice, |alice, now| alice.act(now, |agent| agent.stop(now)));
        world.network.run_for(s(3));
        let node = world.network.node(alice);
        assert!(
            matches!(node.events().last(), Some((_, Event::Stopped))),
            "{world}"
        );
        assert_eq!(node.story(call).last(), Some(&"closed"), "{world}");
        assert_eq!(node.agent().live(), Default::default(), "{world}");
        assert_eq!(
            world.network.node(world.switchboard).contacts_of("alice"),
            0,
            "{world}"
        );
        world.network.run_for(s(100));
        let bob = world.bob;
        for session in world.network.node(bob).sessions() {
            world.hang_up(bob, session);
        }
        world.assert_over(&[alice, bob]);
    }
}

#[test]
fn a_phone_comes_back_however_often_its_flow_is_lost() {
    for seed in seeds(20) {
        let conditions = Conditions::perfect()
            .with_delay(ms(1)..=ms(100))
            .with_cuts(0.2);
        let mut world = World::new(seed, Transport::Ws, conditions);
        let alice = world.alice;
        for _ in 0..20 {
            world.network.cut(alice, Cut::Heard);
            world.network.run_for(s(30));
        }
        world.network.set_conditions(Conditions::perfect());
        world.network.run_for(s(120));
        assert!(world.network.node(alice).agent().is_registered(), "{world}");
        assert_eq!(
            world.network.node(world.switchboard).contacts_of("alice"),
            1,
            "{world}"
        );
    }
}
