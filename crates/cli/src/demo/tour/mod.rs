//! `offhook demo --tour`: everything a session can do, step by step, on real media.
//!
//! Alice, bob and carol are registered at an exchange, bob over a wire that can be cut. Each says
//! a tone of their own, so that it can be measured who hears whom. A step that does not hold ends
//! the tour.

mod changing;
mod ear;
mod endings;
mod party;
mod relay;
mod show;
mod surviving;
mod talking;
mod transfer;

use std::fmt;
use std::time::Duration;

use offhook::{AudioCodec, DtmfTransport, Transport, sip::Method};
use offhook_exchange::Exchange;

use crate::exit::{Code, Failure};
use crate::interrupts::Interrupts;
use crate::output::Output;
use party::{Line, Party, Who};
use relay::Relay;
use show::{Show, Unmet};

const DOMAIN: &str = "localhost";

/// How long anything may take that takes a moment on an idle machine.
const PATIENCE: Duration = Duration::from_secs(8);

pub(crate) async fn run(
    codec: AudioCodec,
    verbose: u8,
    output: &Output,
    mut interrupts: Interrupts,
) -> Result<(), Failure> {
    output.working("starting an exchange");
    let mut exchange = Exchange::builder()
        .domain(DOMAIN)
        .listen(Transport::Ws, ([127, 0, 0, 1], 0).into());
    for who in Who::ALL {
        exchange = exchange.user(who.name(), who.password());
    }
    let exchange = exchange.start().await.map_err(no_network)?;
    let toured = tokio::select! {
        toured = tour(&exchange, codec, verbose, output) => toured,
        () = interrupts.wait() => Err(super::given_up()),
    };
    exchange.stop().await;
    output.done();
    toured
}

fn no_network(error: impl fmt::Display) -> Failure {
    Failure::new(
        Code::Internal,
        error,
        "Check that this machine has a loopback network.",
    )
}

async fn tour(
    exchange: &Exchange,
    codec: AudioCodec,
    verbose: u8,
    output: &Output,
) -> Result<(), Failure> {
    let server = exchange
        .address(Transport::Ws)
        .ok_or_else(|| no_network("the exchange does not listen"))?;
    let wire = Relay::to(server).await.map_err(no_network)?;
    let join = |who, address| Party::new(who, codec, format!("ws://{address}"), verbose, output);
    let (alice, bob, carol) = tokio::try_join!(
        join(Who::Alice, server),
        join(Who::Bob, wire.address()),
        join(Who::Carol, server),
    )?;
    let mut show = Show::new(output);
    let toured = steps(&mut show, &alice, &bob, &carol, &wire).await;
    tokio::join!(alice.phone.stop(), bob.phone.stop(), carol.phone.stop());
    toured?;
    show.end();
    Ok(())
}

/// The steps in their order.
async fn steps(
    show: &mut Show<'_>,
    alice: &Party,
    bob: &Party,
    carol: &Party,
    wire: &Relay,
) -> Result<(), Failure> {
    // This call stands all the time, until it is refreshed at the end.
    let lasting = show
        .opening("a call that lasts", last(alice, carol))
        .await?;

    let early = talking::early_media(alice, bob);
    show.step("early media", early).await?;
    let (a, b) = &show.opening("call", talking::call(alice, bob)).await?;
    let (info, rtp) = (DtmfTransport::Info, DtmfTransport::Rfc2833);
    show.step("DTMF by INFO", talking::tones(a, b, info))
        .await?;
    show.step("DTMF by RTP", talking::tones(a, b, rtp)).await?;
    show.step("INFO", talking::info(a, b)).await?;
    show.step("mute by alice", talking::mute(a, b)).await?;
    show.step("mute by bob", talking::mute(b, a)).await?;
    show.step("hold by alice", changing::hold(a, b)).await?;
    show.step("hold by bob", changing::hold(b, a)).await?;
    show.step("hold by both", changing::hold_by_both(a, b))
        .await?;
    let renegotiated = changing::renegotiate(a, b, Method::Invite);
    show.step("renegotiate by re-INVITE", renegotiated).await?;
    let renegotiated = changing::renegotiate(b, a, Method::Update);
    show.step("renegotiate by UPDATE", renegotiated).await?;
    show.step("ICE restart", changing::restart_ice(a, b))
        .await?;
    show.step("hang up", talking::goodbye(a, b)).await?;

    let transferred = transfer::blind(alice, bob, carol);
    show.step("blind transfer", transferred).await?;
    let transferred = transfer::attended(alice, bob, carol);
    show.step("attended transfer", transferred).await?;
    let transferred = transfer::rejected(alice, bob, carol);
    show.step("rejected transfer", transferred).await?;
    let transferred = transfer::failed(alice, bob, carol);
    show.step("failed transfer", transferred).await?;

    show.step("CANCEL", endings::cancel(alice, bob)).await?;
    show.step("busy", endings::busy(alice, bob)).await?;
    let survived = surviving::lost_connection(alice, bob, wire);
    show.step("lost connection", survived).await?;
    let refreshed = surviving::refresh(&lasting.0, &lasting.1);
    show.step("session refresh", refreshed).await
}

async fn last(alice: &Party, carol: &Party) -> Result<(String, (Line, Line)), Unmet> {
    let lasting = party::talk(alice, carol).await?;
    let checked = "alice and carol hear each other; the session refresh at the end is theirs";
    Ok((checked.to_owned(), lasting))
}
