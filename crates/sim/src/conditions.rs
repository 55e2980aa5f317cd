//! How well a network carries.

use std::ops::RangeInclusive;
use std::time::Duration;

/// What happens to messages on their way.
///
/// Loss, duplication and reordering concern datagrams only; a reliable flow delivers everything
/// once and in order, until it is cut. Probabilities go from 0 to 1 and apply to each message.
///
/// ```
/// use offhook_sim::Conditions;
/// use std::time::Duration;
///
/// let mobile = Conditions::perfect()
///     .with_delay(Duration::from_millis(30)..=Duration::from_millis(400))
///     .with_loss(0.05)
///     .with_duplication(0.01)
///     .with_reordering(true);
/// assert_eq!(mobile.loss(), 0.05);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Conditions {
    loss: f64,
    duplication: f64,
    delay: RangeInclusive<Duration>,
    reordering: bool,
    cuts: f64,
    damage: f64,
}

impl Default for Conditions {
    fn default() -> Self {
        Conditions::perfect()
    }
}

impl Conditions {
    /// Nothing is lost, nothing comes twice or out of order, and each way takes 1 ms.
    pub fn perfect() -> Conditions {
        let way = Duration::from_millis(1);
        Conditions {
            loss: 0.0,
            duplication: 0.0,
            delay: way..=way,
            reordering: false,
            cuts: 0.0,
            damage: 0.0,
        }
    }

    /// Loses this part of all datagrams.
    #[must_use]
    pub fn with_loss(self, probability: f64) -> Conditions {
        Conditions {
            loss: probability,
            ..self
        }
    }

    /// Delivers this part of all datagrams twice.
    #[must_use]
    pub fn with_duplication(self, probability: f64) -> Conditions {
        Conditions {
            duplication: probability,
            ..self
        }
    }

    /// Lets each message take a time from this range, one way.
    #[must_use]
    pub fn with_delay(self, range: RangeInclusive<Duration>) -> Conditions {
        Conditions {
            delay: range,
            ..self
        }
    }

    /// Lets a datagram overtake another, as their delays fall.
    #[must_use]
    pub fn with_reordering(self, reordering: bool) -> Conditions {
        Conditions { reordering, ..self }
    }

    /// Cuts a reliable flow at this part of the messages sent on it; the message is lost.
    #[must_use]
    pub fn with_cuts(self, probability: f64) -> Conditions {
        Conditions {
            cuts: probability,
            ..self
        }
    }

    /// Damages this part of all messages, on any flow, as somebody hostile on the way would: bits
    /// are flipped, lines are taken away, doubled and moved, the end is cut off.
    #[must_use]
    pub fn with_damage(self, probability: f64) -> Conditions {
        Conditions {
            damage: probability,
            ..self
        }
    }

    /// The part of datagrams that is lost.
    pub fn loss(&self) -> f64 {
        self.loss
    }

    /// The part of datagrams that comes twice.
    pub fn duplication(&self) -> f64 {
        self.duplication
    }

    /// How long a message takes, one way.
    pub fn delay(&self) -> &RangeInclusive<Duration> {
        &self.delay
    }

    /// Whether a datagram may overtake another.
    pub fn reordering(&self) -> bool {
        self.reordering
    }

    /// The part of messages at which a reliable flow is cut.
    pub fn cuts(&self) -> f64 {
        self.cuts
    }

    /// The part of messages that is damaged.
    pub fn damage(&self) -> f64 {
        self.damage
    }
}
