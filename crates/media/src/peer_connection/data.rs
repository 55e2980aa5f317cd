//! The data channels of one connection, in its task.

use std::sync::Arc;

use str0m::Rtc;
use str0m::channel::{ChannelConfig, ChannelData, ChannelId, Reliability};
use tokio::sync::Notify;

use crate::data_channel::{
    Common, DataChannel, DataChannelError, DataChannelOptions, DataChannelState, DataMessage,
    Shared,
};
use crate::sdp::MAX_MESSAGE_SIZE;

/// Channels that a connection carries at a time.
const MOST_CHANNELS: usize = 256;
/// Bytes of a label and a protocol, so that they fit into the engine's announcement.
const MOST_NAME_BYTES: usize = 1024;
/// The id that no channel may have (RFC 8832 §6).
const NO_ID: u16 = u16::MAX;

#[derive(Debug, Default)]
pub(super) struct DataChannels {
    common: Common,
    channels: Vec<Carried>,
    /// The largest message the peer takes, once channels are carried.
    max_message_size: Option<usize>,
    /// Who sends first in the next round.
    turn: usize,
}

#[derive(Debug)]
struct Carried {
    shared: Arc<Shared>,
    /// Where the engine knows it.
    engine: Option<ChannelId>,
    stage: Stage,
}

/// How far the engine is with a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// It waits for an engine, or for the peer.
    Connecting,
    Open,
    /// The engine was told to close it.
    Closing,
}

impl DataChannels {
    /// What rings when a channel wants something.
    pub(super) fn wake(&self) -> Arc<Notify> {
        self.common.wake.clone()
    }

    /// Makes a channel of this side.
    pub(super) fn create(
        &mut self,
        label: String,
        options: DataChannelOptions,
        rtc: Option<&mut Rtc>,
    ) -> Result<DataChannel, DataChannelError> {
        if options.max_packet_life_time.is_some() && options.max_retransmits.is_some() {
            return Err(DataChannelError::TwoLimits);
        }
        self.forget();
        let bytes = label.len() + options.protocol.len();
        if bytes > MOST_NAME_BYTES {
            return Err(DataChannelError::NameTooLong {
                bytes,
                limit: MOST_NAME_BYTES,
            });
        }
        if self.channels.len() >= MOST_CHANNELS {
            return Err(DataChannelError::TooMany {
                limit: MOST_CHANNELS,
            });
        }
        let mut rtc = rtc.filter(|_| self.max_message_size.is_some());
        if let Some(id) = options.negotiated {
            let known = self.channels.iter().any(|channel| {
                let own = channel.shared.options.negotiated;
                own == Some(id) || channel.shared.lock().id == Some(id)
            });
            let taken = rtc.as_mut().is_some_and(|rtc| {
                let direct = rtc.direct_api();
                direct.channel_id_by_sctp_stream_id(id).is_some()
            });
            if id == NO_ID || known || taken {
                return Err(DataChannelError::Id(id));
            }
        }
        let shared = Arc::new(Shared::new(label, options, &self.common));
        let mut carried = Carried {
            shared: shared.clone(),
            engine: None,
            stage: Stage::Connecting,
        };
        if let (Some(rtc), Some(limit)) = (rtc, self.max_message_size) {
            carried.begin(rtc, limit);
        }
        self.channels.push(carried);
        Ok(DataChannel::of(shared))
    }

    /// The engine carries channels from now on, or still.
    pub(super) fn carry(&mut self, rtc: &mut Rtc, max_message_size: usize) {
        let limit = max_message_size.min(MAX_MESSAGE_SIZE);
        self.max_message_size = Some(limit);
        for channel in &mut self.channels {
            if channel.engine.is_none() {
                channel.begin(rtc, limit);
            }
        }
    }

    /// Another engine takes over, for another peer: what was open was open to the one before.
    pub(super) fn restart(&mut self) {
        self.max_message_size = None;
        self.channels.retain_mut(|channel| {
            channel.engine = None;
            let waits = channel.stage == Stage::Connecting
                && channel.shared.state() == DataChannelState::Connecting;
            if !waits {
                channel.shared.closed(None);
            }
            waits
        });
    }

    /// Every channel is over.
    pub(super) fn end(&mut self, error: Option<DataChannelError>) {
        for channel in &self.channels {
            channel.shared.closed(error.clone());
        }
        // The engine goes on with its part; what it says of these is nobody's any more.
        self.channels.clear();
        self.max_message_size = None;
    }

    fn find(&mut self, id: ChannelId) -> Option<&mut Carried> {
        self.channels
            .iter_mut()
            .find(|channel| channel.engine == Some(id))
    }

    /// A channel opened: one of ours, or one of the peer's, which is then given back.
    pub(super) fn opened(&mut self, rtc: &mut Rtc, id: ChannelId) -> Option<DataChannel> {
        let stream = rtc.direct_api().sctp_stream_id_by_channel_id(id);
        if let Some(channel) = self.find(id) {
            channel.stage = Stage::Open;
            channel.shared.opened(stream);
            return None;
        }
        let config = rtc.channel(id)?.config()?.clone();
        let limit = self
            .max_message_size
            .filter(|_| self.channels.len() < MOST_CHANNELS);
        let Some(limit) = limit else {
            tracing::warn!(label = config.label, "a data channel too many: closed");
            rtc.direct_api().close_data_channel(id);
            return None;
        };
        let options = DataChannelOptions {
            ordered: config.ordered,
            max_packet_life_time: match config.reliability {
                Reliability::MaxPacketLifetime { lifetime } => {
                    Some(std::time::Duration::from_millis(lifetime.into()))
                }
                _ => None,
            },
            max_retransmits: match config.reliability {
                Reliability::MaxRetransmits { retransmits } => Some(retransmits),
                _ => None,
            },
            protocol: config.protocol,
            negotiated: None,
        };
        let shared = Arc::new(Shared::new(config.label, options, &self.common));
        shared.lock().max_message_size = Some(limit);
        shared.opened(stream);
        self.channels.push(Carried {
            shared: shared.clone(),
            engine: Some(id),
            stage: Stage::Open,
        });
        Some(DataChannel::of(shared))
    }

    pub(super) fn received(&mut self, rtc: &mut Rtc, data: ChannelData) {
        let Some(channel) = self.find(data.id) else {
            return;
        };
        // Without an order a message may be here before the word that the channel is open, and
        // says the same (RFC 8832 §6).
        if channel.stage == Stage::Connecting {
            let stream = rtc.direct_api().sctp_stream_id_by_channel_id(data.id);
            channel.shared.opened(stream);
        }
        let message = if data.binary {
            DataMessage::Binary(data.data)
        } else {
            DataMessage::Text(match String::from_utf8(data.data) {
                Ok(text) => text,
                Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
            })
        };
        if let Err(error) = channel.shared.received(message) {
            tracing::warn!(label = channel.shared.label, %error, "a data channel is closed");
            channel.shared.closed(Some(error));
            channel.stage = Stage::Closing;
            rtc.direct_api().close_data_channel(data.id);
        }
    }

    /// The channel is closed on both sides.
    pub(super) fn closed(&mut self, id: ChannelId) {
        self.channels.retain(|channel| {
            let is_it = channel.engine == Some(id);
            if is_it {
                channel.shared.closed(None);
            }
            !is_it
        });
    }

    /// Lets go what is closed before the engine knew of it.
    fn forget(&mut self) {
        self.channels.retain(|channel| {
            let gone =
                channel.engine.is_none() && channel.shared.state() == DataChannelState::Closing;
            if gone {
                channel.shared.closed(None);
            }
            !gone
        });
    }

    /// Does what the application wants: sends while there is room, and closes. Says whether the
    /// engine has something to do now.
    pub(super) fn pump(&mut self, rtc: Option<&mut Rtc>) -> bool {
        self.forget();
        let Some(rtc) = rtc else {
            return false;
        };
        let mut busy = false;
        let mut waiting = self.channels.len();
        // One message of each in turn, until none can be sent.
        while waiting > 0 && !self.channels.is_empty() {
            self.turn = (self.turn + 1) % self.channels.len();
            if self.channels[self.turn].send(rtc) {
                busy = true;
                waiting = self.channels.len();
            } else {
                waiting -= 1;
            }
        }
        for channel in &mut self.channels {
            busy |= channel.settle(rtc);
        }
        busy
    }
}

impl Carried {
    fn begin(&mut self, rtc: &mut Rtc, max_message_size: usize) {
        let options = &self.shared.options;
        let reliability = match (options.max_packet_life_time, options.max_retransmits) {
            (Some(time), _) => Reliability::MaxPacketLifetime {
                lifetime: u16::try_from(time.as_millis()).unwrap_or(u16::MAX),
            },
            (None, Some(retransmits)) => Reliability::MaxRetransmits { retransmits },
            (None, None) => Reliability::Reliable,
        };
        let config = ChannelConfig {
            label: self.shared.label.clone(),
            ordered: options.ordered,
            reliability,
            negotiated: options.negotiated,
            protocol: options.protocol.clone(),
        };
        self.shared.lock().max_message_size = Some(max_message_size);
        self.engine = Some(rtc.direct_api().create_data_channel(config));
    }

    /// Sends one message, if there is one and room for it.
    fn send(&mut self, rtc: &mut Rtc) -> bool {
        let Some(id) = self.engine.filter(|_| self.stage == Stage::Open) else {
            return false;
        };
        let Some(mut channel) = rtc.channel(id) else {
            return false;
        };
        self.shared.send_next(|message| {
            match channel.write(message.is_binary(), message.bytes()) {
                Ok(taken) => taken,
                Err(error) => {
                    // It is being closed; the word of that comes next.
                    tracing::debug!(%error, "a message could not be sent");
                    false
                }
            }
        })
    }

    /// Notes what was acknowledged, and closes what should be closed and has nothing left.
    fn settle(&mut self, rtc: &mut Rtc) -> bool {
        let Some(id) = self.engine.filter(|_| self.stage == Stage::Open) else {
            return false;
        };
        let unacknowledged = rtc.channel(id).map_or(0, |mut c| c.buffered_amount());
        let settled = self.shared.set_unacknowledged(unacknowledged);
        let wanted = self.shared.state() == DataChannelState::Closing;
        if wanted && settled {
            self.stage = Stage::Closing;
            rtc.direct_api().close_data_channel(id);
        }
        wanted && settled
    }
}
