//! What the virtual network promises, seen by nodes that count.

#![allow(clippy::unwrap_used, reason = "a test fails by it")]

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use offhook_core::Transport::{Tcp, Udp};
use offhook_core::{FlowId, Instant, Transport};
use offhook_sim::{Action, Chance, Conditions, Cut, Handle, Network, Node, Opened, Step};

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

const FLOW: FlowId = FlowId(0);

/// Sends numbered messages at a steady pace, and keeps what happens to it.
#[derive(Default)]
struct Counter {
    wants: VecDeque<Action>,
    flow: Option<FlowId>,
    left: u32,
    sent: u32,
    next: Option<Instant>,
    heard: Vec<(Instant, String)>,
    opened: Vec<Opened>,
    failed: Vec<FlowId>,
    lost: Vec<(Instant, FlowId)>,
    wakes: u32,
}

const PACE: Duration = Duration::from_millis(10);

impl Counter {
    fn sends(count: u32) -> Counter {
        Counter {
            left: count,
            ..Counter::default()
        }
    }

    fn numbers(&self) -> Vec<u32> {
        self.heard
            .iter()
            .map(|(_, text)| text.trim().parse().unwrap())
            .collect()
    }
}

impl Node for Counter {
    fn receive(&mut self, now: Instant, _flow: FlowId, bytes: Bytes) {
        self.heard
            .push((now, String::from_utf8(bytes.to_vec()).unwrap()));
    }

    fn flow_opened(&mut self, now: Instant, opened: Opened) {
        self.opened.push(opened);
        self.flow = Some(opened.flow);
        self.next = (self.left > 0).then_some(now);
    }

    fn flow_failed(&mut self, _now: Instant, flow: FlowId) {
        self.failed.push(flow);
    }

    fn flow_lost(&mut self, now: Instant, flow: FlowId) {
        self.lost.push((now, flow));
    }

    fn timeout(&mut self, now: Instant) {
        self.wakes += 1;
        let flow = self.flow.unwrap();
        let bytes = Bytes::from(format!("{}\r\n", self.sent));
        self.wants.push_back(Action::Send { flow, bytes });
        self.sent += 1;
        self.left -= 1;
        self.next = (self.left > 0).then(|| now + PACE);
    }

    fn next_timeout(&self) -> Option<Instant> {
        self.next
    }

    fn poll(&mut self) -> Option<Action> {
        self.wants.pop_front()
    }
}

fn open(network: &mut Network, node: Handle<Counter>, transport: Transport, to: SocketAddr) {
    let action = Action::Open {
        flow: FLOW,
        transport,
        to,
    };
    network.with(node, |node, _| node.wants.push_back(action));
}

/// One node sends `count` messages to another.
fn pair(
    seed: u64,
    transport: Transport,
    conditions: Conditions,
    count: u32,
) -> (Network, Handle<Counter>, Handle<Counter>) {
    let mut network = Network::new(seed);
    network.set_conditions(conditions);
    let from = network.add("from", Counter::sends(count));
    let to = network.add("to", Counter::default());
    let address = network.listen(to, transport, 5060);
    open(&mut network, from, transport, address);
    (network, from, to)
}

fn rough() -> Conditions {
    Conditions::perfect()
        .with_loss(0.2)
        .with_duplication(0.1)
        .with_delay(ms(5)..=ms(90))
        .with_reordering(true)
}

#[test]
fn the_same_seed_draws_the_same_ladder_and_another_seed_another() {
    let ladder = |seed| {
        let (mut network, ..) = pair(seed, Udp, rough(), 200);
        network.run_for(ms(60_000));
        network.ladder().to_string()
    };
    assert_eq!(ladder(1), ladder(1));
    assert_ne!(ladder(1), ladder(2));
}

#[test]
fn perfect_conditions_deliver_every_datagram_once_after_its_delay() {
    let conditions = Conditions::perfect().with_delay(ms(30)..=ms(30));
    let (mut network, _, to) = pair(1, Udp, conditions, 50);
    network.run_for(ms(60_000));
    let to = network.node(to);
    assert_eq!(to.numbers(), (0..50).collect::<Vec<_>>());
    let start = Instant::ZERO + ms(30);
    for (number, (at, _)) in (0u32..).zip(&to.heard) {
        assert_eq!(*at, start + PACE * number);
    }
}

#[test]
fn the_part_of_datagrams_that_is_lost_or_doubled_is_as_asked() {
    let conditions = Conditions::perfect().with_loss(0.25).with_duplication(0.1);
    let (mut network, _, to) = pair(3, Udp, conditions, 10_000);
    network.run_for(ms(200_000));
    let numbers = network.node(to).numbers();
    let mut distinct = numbers.clone();
    distinct.dedup();
    let arrived = distinct.len() as f64 / 10_000.0;
    assert!((0.73..0.77).contains(&arrived), "{arrived} arrived");
    let doubled = (numbers.len() - distinct.len()) as f64 / distinct.len() as f64;
    assert!((0.085..0.115).contains(&doubled), "{doubled} came twice");
}

#[test]
fn total_loss_delivers_nothing_and_tells_nobody() {
    let (mut network, from, to) = pair(3, Udp, Conditions::perfect().with_loss(1.0), 100);
    network.run_for(ms(60_000));
    assert!(network.node(to).heard.is_empty());
    assert!(network.node(to).opened.is_empty());
    assert!(network.node(from).lost.is_empty());
    let lost = network
        .ladder()
        .lines()
        .filter(|line| matches!(line.step, Step::Lost { .. }));
    assert_eq!(lost.count(), 100);
}

#[test]
fn datagrams_overtake_each_other_only_where_that_is_allowed() {
    for (reordering, expected) in [(true, false), (false, true)] {
        let conditions = Conditions::perfect()
            .with_delay(ms(1)..=ms(100))
            .with_reordering(reordering);
        let (mut network, _, to) = pair(5, Udp, conditions, 200);
        network.run_for(ms(60_000));
        let numbers = network.node(to).numbers();
        assert_eq!(numbers.len(), 200);
        assert_eq!(numbers.is_sorted(), expected);
    }
}

#[test]
fn a_reliable_flow_delivers_everything_once_and_in_order_whatever_the_loss() {
    for seed in 0..20 {
        let (mut network, _, to) = pair(seed, Tcp, rough(), 200);
        network.run_for(ms(60_000));
        assert_eq!(network.node(to).numbers(), (0..200).collect::<Vec<_>>());
    }
}

#[test]
fn a_reliable_flow_opens_at_both_ends_within_a_round_trip() {
    let conditions = Conditions::perfect().with_delay(ms(40)..=ms(40));
    let (mut network, from, to) = pair(1, Tcp, conditions, 0);
    network.run_for(ms(39));
    assert!(network.node(to).opened.is_empty());
    network.run_for(ms(1));
    let there = network.node(to).opened[0];
    assert!(there.incoming);
    assert!(network.node(from).opened.is_empty());
    network.run_for(ms(40));
    let here = network.node(from).opened[0];
    assert_eq!(here.flow, FLOW);
    assert!(!here.incoming);
    assert_eq!((here.local, here.remote), (there.remote, there.local));
    assert_ne!(here.flow, there.flow, "each end has its own name for it");
}

#[test]
fn what_is_said_into_a_fresh_flow_arrives_after_the_flow_stands() {
    for seed in 0..50 {
        let mut network = Network::new(seed);
        network.set_conditions(Conditions::perfect().with_delay(ms(1)..=ms(500)));
        let from = network.add("from", Counter::default());
        let to = network.add("to", Counter::sends(1));
        let address = network.listen(to, Tcp, 5060);
        open(&mut network, from, Tcp, address);
        while network.step() {
            let from = network.node(from);
            assert!(from.heard.is_empty() || !from.opened.is_empty());
        }
        assert_eq!(network.node(from).heard.len(), 1);
    }
}

#[test]
fn nobody_listening_refuses_a_reliable_flow_and_swallows_datagrams() {
    for transport in [Tcp, Udp] {
        let mut network = Network::new(1);
        let from = network.add("from", Counter::sends(3));
        let nowhere: SocketAddr = "10.0.0.9:5060".parse().unwrap();
        open(&mut network, from, transport, nowhere);
        network.run_for(ms(1_000));
        let from = network.node(from);
        assert_eq!(from.failed.len(), usize::from(transport == Tcp));
        assert_eq!(from.sent, if transport == Tcp { 0 } else { 3 });
    }
}

#[test]
fn a_cut_flow_loses_what_is_under_way_and_tells_both_ends() {
    let conditions = Conditions::perfect().with_delay(ms(35)..=ms(35));
    let (mut network, from, to) = pair(1, Tcp, conditions, 100);
    network.run_for(ms(70 + 100));
    let heard = network.node(to).heard.len();
    network.cut(to, Cut::Heard);
    let cut = network.now();
    network.run_for(ms(1_000));
    assert_eq!(network.node(to).heard.len(), heard);
    assert_eq!(network.node(from).lost, [(cut, FLOW)]);
    assert_eq!(network.node(to).lost.len(), 1);
    assert!(network.node(from).sent > u32::try_from(heard).unwrap());
    assert_eq!(network.flow_count(), 0);
}

#[test]
fn an_unheard_cut_swallows_messages_until_it_is_noticed() {
    let (mut network, from, to) = pair(1, Tcp, Conditions::perfect(), 1_000);
    network.run_for(ms(200));
    let heard = network.node(to).heard.len();
    network.cut(from, Cut::Unheard(ms(3_000)));
    network.run_for(ms(2_999));
    assert_eq!(network.node(to).heard.len(), heard);
    assert!(network.node(from).lost.is_empty() && network.node(to).lost.is_empty());
    network.run_for(ms(1));
    assert_eq!(
        (network.node(from).lost.len(), network.node(to).lost.len()),
        (1, 1)
    );
}

#[test]
fn cuts_come_by_chance_as_asked() {
    let mut cut = 0;
    for seed in 0..400 {
        let conditions = Conditions::perfect().with_cuts(0.1);
        let (mut network, from, to) = pair(seed, Tcp, conditions, 5);
        network.run_for(ms(1_000));
        let gone = network.node(from).lost.len();
        assert_eq!(gone, network.node(to).lost.len());
        cut += gone;
    }
    // 1 − 0.9⁵ of the runs.
    assert!(
        (130..200).contains(&cut),
        "{cut} of 400 runs lost their flow"
    );
}

#[test]
fn a_closed_flow_delivers_what_was_sent_before() {
    let conditions = Conditions::perfect().with_delay(ms(5)..=ms(200));
    let (mut network, from, to) = pair(9, Tcp, conditions, 10);
    network.run_until(ms(10_000), |network| network.node(from).sent == 10);
    network.with(from, |from, _| {
        from.wants.push_back(Action::Close { flow: FLOW })
    });
    network.run_for(ms(1_000));
    assert_eq!(network.node(to).heard.len(), 10);
    assert_eq!(network.node(to).lost.len(), 1);
    assert!(network.node(from).lost.is_empty(), "who closes is not told");
    assert_eq!(network.flow_count(), 0);
}

#[test]
fn a_closed_datagram_flow_is_opened_anew_by_the_next_datagram() {
    let (mut network, from, to) = pair(9, Udp, Conditions::perfect(), 10);
    network.run_for(ms(35));
    let flow = network.node(to).opened[0].flow;
    network.with(to, |to, _| to.wants.push_back(Action::Close { flow }));
    network.run_for(ms(1_000));
    assert_eq!(network.node(to).heard.len(), 10);
    assert_eq!(network.node(to).opened.len(), 2);
    assert!(network.node(from).lost.is_empty());
}

#[test]
fn conditions_of_one_node_leave_the_others_alone() {
    let mut network = Network::new(4);
    let server = network.add("server", Counter::default());
    let address = network.listen(server, Udp, 5060);
    let near = network.add("near", Counter::sends(100));
    let far = network.add("far", Counter::sends(100));
    network.set_conditions_of(far, Some(Conditions::perfect().with_loss(1.0)));
    open(&mut network, near, Udp, address);
    open(&mut network, far, Udp, address);
    network.run_for(ms(10_000));
    assert_eq!(network.node(server).heard.len(), 100);
}

#[test]
fn messages_go_both_ways_over_what_a_datagram_opened() {
    let (mut network, from, to) = pair(4, Udp, Conditions::perfect(), 1);
    network.run_for(ms(10));
    let opened = network.node(to).opened[0];
    assert!(opened.incoming);
    let bytes = Bytes::from_static(b"7\r\n");
    let send = Action::Send {
        flow: opened.flow,
        bytes,
    };
    network.with(to, |to, _| to.wants.push_back(send));
    network.run_for(ms(10));
    assert_eq!(network.node(from).numbers(), [7]);
}

#[test]
fn time_passes_even_when_nothing_happens() {
    let mut network = Network::new(1);
    let node = network.add("node", Counter::default());
    network.run_for(ms(5_000));
    assert_eq!(network.now(), Instant::ZERO + ms(5_000));
    assert!(!network.step());
    assert!(!network.run_until(ms(1_000), |_| false));
    assert_eq!(network.now(), Instant::ZERO + ms(6_000));
    assert_eq!(network.node(node).wakes, 0);
}

#[test]
fn waiting_for_something_stops_when_it_is_true() {
    let (mut network, _, to) = pair(1, Udp, Conditions::perfect(), 100);
    assert!(network.run_until(ms(10_000), |network| network.node(to).heard.len() == 5));
    assert_eq!(network.now(), Instant::ZERO + PACE * 4 + ms(1));
}

#[test]
fn the_ladder_says_who_sent_what_to_whom_and_what_became_of_it() {
    let (mut network, from, to) = pair(1, Udp, Conditions::perfect(), 1);
    network.run_for(ms(10));
    network.note(to, "heard it");
    network.set_conditions(Conditions::perfect().with_loss(1.0));
    let bytes = Bytes::from_static(b"BYE sip:to SIP/2.0\r\n\r\n");
    network.with(from, |from, _| {
        from.wants.push_back(Action::Send { flow: FLOW, bytes })
    });
    assert_eq!(
        network.ladder().to_string(),
        "    0.000  from       ===            UDP flow opened
    0.000  from       --> to         0  (UDP, 1 ms)
    0.010  to          *  heard it
    0.010  from       --x to         BYE sip:to SIP/2.0  (lost)
"
    );
    let messages: Vec<_> = network.ladder().messages().collect();
    assert_eq!(messages, [("from", "0"), ("from", "BYE sip:to SIP/2.0")]);
}

#[test]
#[should_panic(expected = "time stands still")]
fn a_node_that_wakes_itself_forever_is_found_out() {
    struct Restless;
    impl Node for Restless {
        fn receive(&mut self, _: Instant, _: FlowId, _: Bytes) {}
        fn flow_opened(&mut self, _: Instant, _: Opened) {}
        fn flow_failed(&mut self, _: Instant, _: FlowId) {}
        fn flow_lost(&mut self, _: Instant, _: FlowId) {}
        fn timeout(&mut self, _: Instant) {}
        fn next_timeout(&self) -> Option<Instant> {
            Some(Instant::ZERO)
        }
        fn poll(&mut self) -> Option<Action> {
            None
        }
    }
    let mut network = Network::new(1);
    network.add("restless", Restless);
    network.run_for(ms(1));
}

#[test]
fn a_test_draws_from_the_same_chance() {
    let mut network = Network::new(8);
    let drawn = network.chance().below(1_000);
    assert_eq!(drawn, Chance::from_seed(8).below(1_000));
}
