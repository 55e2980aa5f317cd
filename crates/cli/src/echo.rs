//! What `--echo` does with data channels.

use offhook::{DataChannel, DataChannelEvent};

/// Sends back what comes on a channel, until it closes.
pub(crate) async fn echo(channel: DataChannel) {
    while let Some(event) = channel.next().await {
        if let DataChannelEvent::Message(message) = event
            && let Err(error) = channel.send(message).await
        {
            tracing::warn!(label = channel.label(), %error, "a message was not sent back");
        }
    }
}
