//! The world of one seed, and what has to hold in it.
//!
//! A seed chooses who takes part, over which transport, through a forking proxy or directly, how
//! bad the network is, how late applications answer and which media fail; then what everybody does
//! to their calls and when. Afterwards the promises are looked at: every session has ended once,
//! nothing is left, nobody believes to be in a call that the other side is not in.

mod deeds;
mod person;
mod plan;
mod promises;
mod tally;

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use offhook_core::auth::Secret;
use offhook_core::{Config, Destination, Instant, SessionId, TerminateOptions, Transport};
use offhook_sip::Uri;

use crate::chance::Chance;
use crate::conditions::Conditions;
use crate::ladder::Ladder;
use crate::network::{Handle, Network};
use crate::phone::Phone;
use crate::switchboard::{HOST, Switchboard};
use deeds::PEOPLE;
use person::Person;
use plan::{Plan, Timers, Topology};
use promises::{left_of_calls, stories_are_in_order};

pub use promises::Broken;
pub use tally::Tally;

const PASSWORD: &str = "open sesame";

/// How long a thing may last before it is called lasting for good.
const FOR_GOOD: Duration = Duration::from_secs(3_600);

/// How often it is looked at meanwhile.
const LOOK: Duration = Duration::from_secs(10);

/// A run of one seed.
///
/// ```
/// use offhook_sim::Trial;
///
/// let mut trial = Trial::new(42);
/// let verdict = trial.run();
/// assert!(verdict.broken.is_none(), "{trial}");
/// ```
pub struct Trial {
    seed: u64,
    plan: Plan,
    chance: Chance,
    network: Network,
    board: Option<Handle<Switchboard>>,
    phones: Vec<Handle<Phone>>,
    names: Vec<String>,
    tally: Tally,
}

/// What a trial came to.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Verdict {
    /// The seed.
    pub seed: u64,
    /// What was done and what became of it.
    pub tally: Tally,
    /// The first promise that was not kept, if one was not.
    pub broken: Option<Broken>,
}

impl fmt::Debug for Trial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trial")
            .field("seed", &self.seed)
            .field("plan", &self.plan)
            .finish_non_exhaustive()
    }
}

/// The seed, what it means, and its ladder.
impl fmt::Display for Trial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "seed {}: {}", self.seed, self.plan)?;
        write!(f, "{}", self.network.ladder())
    }
}

impl Trial {
    /// The world of a seed.
    pub fn new(seed: u64) -> Trial {
        Trial::with_recording(seed, true)
    }

    /// The same world without a ladder, which is faster and holds less.
    pub fn without_ladder(seed: u64) -> Trial {
        Trial::with_recording(seed, false)
    }

    fn with_recording(seed: u64, recording: bool) -> Trial {
        let mut chance = Chance::from_seed(seed);
        let plan = Plan::of(&mut chance);
        let mut network = Network::new(seed);
        network.set_recording(recording);
        let mut trial = Trial {
            seed,
            plan,
            chance,
            network,
            board: None,
            phones: Vec::new(),
            names: Vec::new(),
            tally: Tally::default(),
        };
        trial.furnish();
        trial
    }

    /// What happened.
    pub fn ladder(&self) -> &Ladder {
        self.network.ladder()
    }

    /// Lets everything happen, and looks whether every promise was kept. A panic is one that was
    /// not.
    pub fn run(&mut self) -> Verdict {
        let kept = match catch_unwind(AssertUnwindSafe(|| self.play())) {
            Ok(kept) => kept,
            Err(panic) => {
                let text = panic
                    .downcast_ref::<String>()
                    .cloned()
                    .or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
                // A stuck network prints its ladder, which is told anyway.
                let text = text.unwrap_or_default();
                let first = text.lines().next().unwrap_or("without a word");
                Err(Broken::new("nothing panics", first))
            }
        };
        let mut tally = std::mem::take(&mut self.tally);
        tally.count_seed(self.plan.labels());
        for &phone in &self.phones {
            tally.count_phone(self.network.node(phone));
        }
        Verdict {
            seed: self.seed,
            tally,
            broken: kept.err(),
        }
    }

    fn furnish(&mut self) {
        let transport = self.plan.transport;
        if self.plan.topology == Topology::Proxied {
            let mut board = Switchboard::new();
            if self.plan.secured {
                board = board.with_password(PASSWORD);
            }
            let board = self.network.add("switchboard", board);
            self.network
                .listen(board, transport, transport.default_port());
            self.board = Some(board);
        }
        for number in 0..self.plan.people + self.plan.desks {
            // The second of them has the other telephones.
            let who = if number < self.plan.people { number } else { 1 };
            let name = match number.checked_sub(self.plan.people) {
                None => PEOPLE[who].to_owned(),
                Some(desk) => format!("bob's {}", ["desk", "car"][desk.min(1)]),
            };
            let config = self.config(PEOPLE[who], self.plan.timers[number]);
            let others = (0..self.plan.people)
                .filter(|&other| other != who)
                .map(|other| self.address(PEOPLE[other], other))
                .collect();
            let person = Person {
                chance: Chance::from_seed(self.chance.below(usize::MAX) as u64),
                manners: self.plan.manners,
                others,
            };
            let seed = self.chance.below(usize::MAX) as u64;
            let phone = Phone::new(config, seed)
                .expect("a configuration made of known parts works")
                .with_host(HOST, [10, 0, 0, 1].into())
                .with_application(person);
            let phone = match self.network.is_recording() {
                true => phone,
                false => phone.without_notes(),
            };
            let phone = self.network.add(&name, phone);
            if self.plan.topology == Topology::Direct {
                self.network
                    .listen(phone, transport, transport.default_port());
            }
            self.phones.push(phone);
            self.names.push(name);
        }
    }

    fn config(&self, user: &str, timers: Timers) -> Config {
        let address = Uri::parse(&format!("sip:{user}@example.com"))
            .expect("a user name of letters makes an address")
            .into_owned();
        let mut config = Config::new(address);
        if self.plan.topology == Topology::Proxied {
            let transport = self.plan.transport.as_str().to_lowercase();
            let server = Destination::from_url(&format!("{transport}://{HOST}"));
            config.servers = vec![server.expect("a transport and a host make a destination")];
            config.secret = Some(Secret::Password(PASSWORD.to_owned()));
        } else {
            config.register = false;
        }
        config.session_timers = timers.on;
        config.session_expires = timers.expires;
        config.session_timers_refresh_by_update = timers.by_update;
        config.session_timers_force_refresher = timers.forced;
        config
    }

    fn play(&mut self) -> Result<(), Broken> {
        for phone in self.phones.clone() {
            self.network
                .with(phone, |phone, now| phone.act(now, |agent| agent.start(now)));
        }
        self.come_back("a phone that is started registers")?;
        self.network.set_conditions(self.plan.conditions.clone());
        for _ in 0..self.plan.deeds {
            self.act();
            let pause = self.gap(&[0, 10, 200, 1_000, 1_000, 5_000, 20_000, 60_000]);
            self.network.run_for(pause);
        }
        if self.plan.clears {
            self.network.set_conditions(Conditions::perfect());
        }
        self.agree()?;
        self.hang_up_one_side();
        self.agree()?;
        self.network.set_conditions(Conditions::perfect());
        self.come_back("a phone that lost its connection registers again")?;
        self.hang_up_everywhere();
        self.let_go()?;
        self.stop()
    }

    /// Everybody who has a server comes to be registered.
    fn come_back(&mut self, promise: &'static str) -> Result<(), Broken> {
        if self.board.is_none() {
            return Ok(());
        }
        let phones = self.phones.clone();
        if self.plan.is_hostile() {
            // An answer that was made a refusal is the registrar's last word, unless it is asked
            // again.
            for &phone in &phones {
                self.network.with(phone, |phone, now| {
                    phone.act(now, |agent| agent.register(now));
                });
            }
        }
        let registered = |network: &mut Network| {
            phones
                .iter()
                .all(|&phone| network.node(phone).agent().is_registered())
        };
        // A connection that was cut unheard is noticed after a while, and a registrar that kept
        // silent is asked again at the latest after some minutes.
        if self.network.run_until(FOR_GOOD, registered) {
            return Ok(());
        }
        Err(Broken::new(promise, "somebody is not registered"))
    }

    /// Nobody believes for good to be in a call that the other side is not in.
    fn agree(&mut self) -> Result<(), Broken> {
        let promised = !self.plan.is_hostile() && self.plan.keeps_alive();
        if !promised {
            self.network.run_for(Duration::from_secs(300));
            return Ok(());
        }
        let end = self.network.now() + FOR_GOOD;
        loop {
            self.network.run_for(LOOK);
            match self.disagreement() {
                None => return Ok(()),
                Some(seen) if self.network.now() >= end => {
                    return Err(Broken::new("peers agree whether they are in a call", seen));
                }
                Some(_) => {}
            }
        }
    }

    fn hang_up(&mut self, phone: usize, session: SessionId) {
        self.network.with(self.phones[phone], |phone, now| {
            phone.act(now, |agent| {
                // It may have ended in the meantime.
                let _ = agent
                    .session(session)
                    .and_then(|mut it| it.terminate(now, TerminateOptions::default()));
            });
        });
    }

    /// Somebody hangs up each of his calls; the others have to notice by themselves.
    fn hang_up_one_side(&mut self) {
        let phone = self.chance.below(self.phones.len());
        for session in self.sessions_of(phone) {
            self.hang_up(phone, session);
        }
    }

    fn hang_up_everywhere(&mut self) {
        for phone in 0..self.phones.len() {
            for session in self.sessions_of(phone) {
                self.hang_up(phone, session);
            }
        }
    }

    /// Nothing of any call stays.
    fn let_go(&mut self) -> Result<(), Broken> {
        const PROMISE: &str = "nothing is left of calls that are over";
        // The registration's refresh, and what keeps its connection open.
        let timers = if self.board.is_some() { 2 } else { 0 };
        let end = self.network.now() + FOR_GOOD;
        loop {
            self.network.run_for(LOOK);
            // A transfer that was allowed late makes a call after all the others.
            self.hang_up_everywhere();
            let left = (0..self.phones.len()).find_map(|phone| {
                let live = self.network.node(self.phones[phone]).agent().live();
                let left = left_of_calls(&live, timers)?;
                Some(format!("{}: {left}", self.names[phone]))
            });
            let left = left.or_else(|| {
                let board = self.network.node(self.board?);
                (!board.is_idle()).then(|| format!("switchboard: {}", board.left()))
            });
            match left {
                None => break,
                Some(seen) if self.network.now() >= end => return Err(Broken::new(PROMISE, seen)),
                Some(_) => {}
            }
        }
        for (phone, name) in self.phones.iter().zip(&self.names) {
            stories_are_in_order(name, self.network.node(*phone))?;
        }
        Ok(())
    }

    /// An agent that is stopped holds nothing at all.
    fn stop(&mut self) -> Result<(), Broken> {
        for phone in self.phones.clone() {
            self.network
                .with(phone, |phone, now| phone.act(now, |agent| agent.stop(now)));
        }
        self.network.run_for(Duration::from_secs(40));
        for (&phone, name) in self.phones.iter().zip(&self.names) {
            let agent = self.network.node(phone).agent();
            let (live, counters) = (agent.live(), agent.counters());
            if live.flows > 0 || left_of_calls(&live, 0).is_some() {
                let seen = format!("{name}: {live:?}");
                return Err(Broken::new("a stopped agent holds nothing", seen));
            }
            if !self.plan.is_hostile() && counters.malformed + counters.refused > 0 {
                let seen = format!("{name}: {counters:?}");
                return Err(Broken::new("what agents send can be read", seen));
            }
        }
        Ok(())
    }

    /// The moment the trial is at.
    pub fn now(&self) -> Instant {
        self.network.now()
    }

    /// The transport everybody uses.
    pub fn transport(&self) -> Transport {
        self.plan.transport
    }
}
