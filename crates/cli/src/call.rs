//! `offhook call`

use offhook::sip::Uri;
use offhook::{DtmfOptions, DtmfTransport, Error};
use serde_json::json;
use tokio::time::Instant;

use crate::account;
use crate::args::{CallArgs, DtmfBy};
use crate::exit::{Code, Failure};
use crate::follow::{Plan, follow, summary, verdict};
use crate::interrupts::Interrupts;
use crate::output::Output;

pub(crate) async fn run(
    args: CallArgs,
    verbose: u8,
    output: &Output,
    mut interrupts: Interrupts,
) -> Result<(), Failure> {
    let give_up = Instant::now() + args.timeout;
    check(&args)?;
    let source = account::source(&args.media)?;
    let video = account::video_source(&args.media)?;
    // A caller needs no registration: the server asks for the password when it is called.
    let builder = account::user_agent(&args.from, &args.account, &args.media, verbose, output)?
        .register(false)
        .no_answer_timeout(args.timeout);
    if let Some(server) = &args.account.server {
        output.working(format_args!("connecting to {server}"));
    }
    let user_agent = tokio::select! {
        started = builder.start() => started?,
        () = interrupts.wait() => {
            let message = "given up by Ctrl-C before the server answered";
            return Err(Failure::new(Code::Interrupted, message, "Nothing is left to do."));
        }
        () = tokio::time::sleep_until(give_up) => {
            return Err(Failure::new(
                Code::Unreachable,
                "the server did not answer in the time of --timeout",
                "Check the address and port in --server, and that the server runs.",
            ));
        }
    };

    let mut call = user_agent
        .call(&args.target)
        .no_answer_timeout(args.timeout);
    if let Some(source) = source {
        call = call.play(source);
    }
    if let Some(path) = &args.media.record {
        call = call.record(path);
    }
    if let Some(source) = video {
        call = call.play_video(source);
    }
    if let Some(path) = &args.media.record_video {
        call = call.record_video(path);
    }
    for header in &args.header {
        call = call.extra_header(&header.name, &header.value);
    }
    output.working(format_args!("calling {}", args.target));
    output.event(
        "calling",
        format_args!("calling {}", args.target),
        json!({ "to": args.target }),
    );
    let session = call.start()?;
    let transport = match args.dtmf_by {
        DtmfBy::Info => DtmfTransport::Info,
        DtmfBy::Rtp => DtmfTransport::Rfc2833,
    };
    let options = DtmfOptions {
        transport,
        ..DtmfOptions::default()
    };
    let plan = Plan {
        dtmf: args.dtmf.map(|tones| (tones, options)),
        give_up: Some(give_up),
        duration: args.duration,
        ..Plan::default()
    };
    let outcome = follow(output, &session, plan, interrupts).await;
    output.working("hanging up");
    user_agent.stop().await;
    output.done();
    summary(output, None, &session, &outcome);
    verdict(&outcome, &args.target)
}

/// Finds what is wrong with the arguments before anybody is called.
fn check(args: &CallArgs) -> Result<(), Failure> {
    let advice = "See --help for what is possible and for examples.";
    let target = args.target.trim();
    // Without a scheme it is a user of the caller's domain, or user@host.
    let uri = match target.contains(':') {
        true => target.to_owned(),
        false => format!("sip:{target}"),
    };
    let problem = match Uri::parse(&uri) {
        Ok(uri) if uri.is_sip() => None,
        Ok(_) => Some("it does not begin with sip: or sips:".to_owned()),
        Err(error) => Some(error.to_string()),
    };
    if let Some(problem) = problem {
        let error = Error::InvalidAddress {
            text: args.target.clone(),
            problem,
        };
        return Err(Failure::new(Code::Usage, error, advice));
    }
    let tone = |c: char| c.is_ascii_digit() || "ABCDRabcdr*#,".contains(c);
    if let Some(wrong) = args
        .dtmf
        .iter()
        .flat_map(|tones| tones.chars())
        .find(|c| !tone(*c))
    {
        let message = format!("--dtmf: {wrong:?} is no tone; 0-9, A-D, *, # and a comma are");
        return Err(Failure::new(Code::Usage, message, advice));
    }
    Ok(())
}
