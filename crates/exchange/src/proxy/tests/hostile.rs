//! A crowd without manners: whatever it sends, nothing panics, everything stays within its bounds,
//! and nothing is left when it has gone.

use std::time::Duration;

use bytes::Bytes;
use offhook_core::Transport;
use offhook_sip::{HeaderName, Limits, Message, OutgoingResponse, Request, Response, StatusCode};
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

use super::world::{Phone, World};
use crate::counters::Live;

const USERS: [&str; 3] = ["alice", "bob", "carol"];

struct Crowd {
    world: World,
    chance: ChaCha8Rng,
    phones: Vec<Phone>,
    /// What was received and may be answered, repeated or torn.
    requests: Vec<(Phone, Request)>,
    responses: Vec<(Phone, Response)>,
    /// What was sent.
    sent: Vec<(Phone, Bytes)>,
}

impl Crowd {
    fn below(&mut self, count: usize) -> usize {
        (self.chance.next_u32() as usize) % count.max(1)
    }

    fn one<T: Clone>(&mut self, of: fn(&Crowd) -> &Vec<T>) -> Option<T> {
        let at = self.below(of(self).len());
        of(self).get(at).cloned()
    }

    fn send(&mut self, phone: &Phone, bytes: Bytes) {
        self.world.send(phone, bytes.clone());
        self.sent.push((phone.clone(), bytes));
    }

    /// Reads what came, to have something to react to.
    fn collect(&mut self) {
        for phone in self.phones.clone() {
            let Some(inbox) = self.world.inboxes.get_mut(&phone.flow) else {
                continue;
            };
            for bytes in std::mem::take(inbox) {
                match Message::parse(bytes, &Limits::default()) {
                    Ok(Message::Request(request)) => self.requests.push((phone.clone(), request)),
                    Ok(Message::Response(response)) => {
                        self.responses.push((phone.clone(), response));
                    }
                    Err(error) => panic!("the exchange wrote what cannot be read: {error}"),
                }
            }
        }
        for kept in [self.requests.len(), self.responses.len(), self.sent.len()] {
            assert!(kept < 100_000);
        }
    }

    fn step(&mut self) {
        match self.below(12) {
            0 => {
                let transports = [Transport::Ws, Transport::Udp, Transport::Tcp];
                let transport = transports[self.below(3)];
                let user = USERS[self.below(USERS.len())];
                let phone = self.world.phone(user, transport);
                self.phones.push(phone);
            }
            1 => self.ask("REGISTER"),
            2 | 3 => self.ask("INVITE"),
            4 => {
                let methods = ["MESSAGE", "OPTIONS", "SUBSCRIBE", "CANCEL", "ACK", "BYE"];
                let method = methods[self.below(methods.len())];
                self.ask(method);
            }
            5 | 6 => {
                let codes = [
                    100, 180, 183, 200, 200, 200, 302, 401, 407, 486, 487, 503, 603,
                ];
                let code = codes[self.below(codes.len())];
                if let Some((phone, request)) = self.one(|crowd| &crowd.requests) {
                    self.world.reply(&phone, &request, code);
                }
            }
            7 => {
                if let Some((phone, response)) = self.one(|crowd| &crowd.responses)
                    && response.contact().is_ok()
                {
                    let methods = ["ACK", "BYE", "INVITE", "INFO"];
                    let method = methods[self.below(methods.len())];
                    let bytes = self.world.by_caller(&phone, &response, method);
                    self.send(&phone, bytes);
                }
            }
            8 => {
                // Again, from whomever.
                if let Some((phone, bytes)) = self.one(|crowd| &crowd.sent) {
                    let from = self.one(|crowd| &crowd.phones).unwrap_or(phone);
                    self.world.send(&from, bytes);
                }
            }
            9 => self.tear(),
            10 => {
                if let Some((flow, _)) = self.world.opened.pop_front() {
                    if self.below(2) == 0 {
                        self.world.connect(flow, Transport::Udp, 4);
                    } else {
                        self.world.fail(flow);
                    }
                } else if self.below(4) == 0 && !self.phones.is_empty() {
                    let at = self.below(self.phones.len());
                    let phone = self.phones.swap_remove(at);
                    self.world.lose(&phone);
                }
            }
            _ => {
                let millis = 1 << self.below(18);
                self.world.pass(Duration::from_millis(millis));
            }
        }
        self.collect();
    }

    fn ask(&mut self, method: &str) {
        let Some(phone) = self.one(|crowd| &crowd.phones) else {
            return;
        };
        let uri = match (method, self.below(8)) {
            ("REGISTER", _) => "sip:localhost".to_owned(),
            (_, 0) => phone.contact.clone(),
            (_, 1) => "sip:nobody@elsewhere.example".to_owned(),
            _ => format!("sip:{}@localhost", USERS[self.below(USERS.len())]),
        };
        let mut request = self.world.compose(&phone, method, &uri);
        if self.below(8) == 0
            && let Some((_, other)) = self.one(|crowd| &crowd.requests)
            && let Some(route) = other.header(HeaderName::RecordRoute)
        {
            // Somebody else's route.
            request
                .headers_mut()
                .push(HeaderName::Route, route)
                .unwrap();
        }
        let bytes = request.write().unwrap();
        self.send(&phone, bytes);
    }

    /// Something that was sent before, with a few bytes changed, lost or doubled.
    fn tear(&mut self) {
        let Some((phone, bytes)) = self.one(|crowd| &crowd.sent) else {
            return;
        };
        let mut bytes = bytes.to_vec();
        for _ in 0..=self.below(4) {
            let at = self.below(bytes.len());
            match self.below(3) {
                0 if at < bytes.len() => bytes[at] = self.chance.next_u32() as u8,
                1 => bytes.truncate(at),
                _ => {
                    let end = (at + self.below(40)).min(bytes.len());
                    let doubled = bytes[at.min(end)..end].to_vec();
                    bytes.splice(at..at, doubled);
                }
            }
        }
        self.world.send(&phone, bytes);
    }
}

#[test]
fn a_crowd_without_manners_leaves_nothing_behind() {
    let mut calls = 0;
    for seed in 0..40 {
        let mut crowd = Crowd {
            world: World::open(),
            chance: ChaCha8Rng::seed_from_u64(seed),
            phones: Vec::new(),
            requests: Vec::new(),
            responses: Vec::new(),
            sent: Vec::new(),
        };
        for _ in 0..400 {
            crowd.step();
        }
        let Crowd {
            mut world, phones, ..
        } = crowd;
        calls += world
            .events
            .iter()
            .filter(|e| e.contains(" called "))
            .count();
        for phone in &phones {
            world.lose(phone);
        }
        while let Some((flow, _)) = world.opened.pop_front() {
            world.fail(flow);
        }
        // Longer than any contact, flow or call is kept.
        world.pass(Duration::from_secs(13 * 3600));
        assert_eq!(world.proxy.live(), Live::default(), "seed {seed}");
        assert!(world.proxy.branches.is_empty(), "seed {seed}");
    }
    assert!(calls > 40, "the crowd got through to few: {calls} calls");
}

#[test]
fn nobody_says_by_itself_who_the_network_vouches_for() {
    let mut world = World::open();
    let alice = world.phone("alice", Transport::Udp);
    let bob = world.registered("bob", Transport::Ws);
    let mut invite = world.compose(&alice, "INVITE", "sip:bob@localhost");
    let headers = invite.headers_mut();
    headers
        .push("P-Asserted-Identity", "<sip:president@localhost>")
        .unwrap();
    world.ask(&alice, &invite);
    world.response(&alice, 100);
    let there = world.request(&bob, "INVITE");
    assert_eq!(there.header("P-Asserted-Identity"), None);
    let mut answer = OutgoingResponse::to_request(&there, StatusCode::RINGING);
    let headers = answer.headers_mut();
    headers
        .push("P-Asserted-Identity", "<sip:president@localhost>")
        .unwrap();
    world.send(&bob, answer.write().unwrap());
    let ringing = world.response(&alice, 180);
    assert_eq!(ringing.header("P-Asserted-Identity"), None);
}
