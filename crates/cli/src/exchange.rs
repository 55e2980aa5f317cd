//! `offhook exchange`

use offhook::{Transport, redact};
use offhook_exchange::{Exchange, ExchangeEvent, PassingMessage};
use serde_json::{Map, Value, json};

use crate::args::{ExchangeArgs, Listen};
use crate::exit::{Code, Failure};
use crate::interrupts::Interrupts;
use crate::output::Output;

pub(crate) async fn run(
    args: ExchangeArgs,
    verbose: u8,
    output: &Output,
    mut interrupts: Interrupts,
) -> Result<(), Failure> {
    let mut builder = Exchange::builder().domain(&args.domain);
    for user in &args.user {
        builder = builder.user(&user.name, &user.password);
    }
    if verbose > 0 {
        let output = output.clone();
        builder = builder.on_message(move |message| show(&message, &output));
    }
    let listen = match args.listen.is_empty() {
        true => vec![
            Listen {
                transport: Transport::Ws,
                address: ([127, 0, 0, 1], 8080).into(),
            },
            Listen {
                transport: Transport::Udp,
                address: ([127, 0, 0, 1], 5060).into(),
            },
        ],
        false => args.listen,
    };
    for listen in &listen {
        builder = builder.listen(listen.transport, listen.address);
    }
    let exchange = builder.start().await.map_err(|error| {
        let advice = "Choose another address or port in --listen; port 0 takes a free one.";
        Failure::new(Code::Usage, error, advice)
    })?;

    let mut fields = Map::new();
    let mut text = Vec::new();
    for &(transport, address) in exchange.addresses() {
        let name = transport.as_str().to_ascii_lowercase();
        let at = match transport {
            Transport::Ws | Transport::Wss => format!("{name}://{address}"),
            _ => address.to_string(),
        };
        text.push(format!("{name}://{address}"));
        // The first of each transport; the list has them all.
        fields.entry(name).or_insert_with(|| at.into());
    }
    fields.insert("domain".to_owned(), args.domain.clone().into());
    fields.insert("addresses".to_owned(), text.clone().into());
    let line = format!("listening on {} for {}", text.join(", "), args.domain);
    output.event("listening", line, Value::Object(fields));
    output.working("Ctrl-C ends");
    let mut events = exchange.events();
    loop {
        tokio::select! {
            event = events.next() => match event {
                Some(event) => tell(&event, output),
                None => break,
            },
            () = interrupts.wait() => break,
        }
    }
    output.working("ending");
    exchange.stop().await;
    output.done();
    Ok(())
}

fn show(message: &PassingMessage<'_>, output: &Output) {
    let way = match message.received {
        true => "received from",
        false => "sent to",
    };
    let peer = match message.peer {
        Some((transport, address)) => format!("{transport} {address}"),
        None => "an unknown peer".to_owned(),
    };
    let text = redact(&String::from_utf8_lossy(message.bytes));
    output.passing(&format!("-- {way} {peer}\n{text}"));
}

fn tell(event: &ExchangeEvent, output: &Output) {
    let (name, fields) = match event {
        ExchangeEvent::Registered { aor, contact } => {
            ("registered", json!({ "address": aor, "contact": contact }))
        }
        ExchangeEvent::Unregistered { aor, contact } => (
            "unregistered",
            json!({ "address": aor, "contact": contact }),
        ),
        ExchangeEvent::CallStarted { call_id, from, to } => (
            "call",
            json!({ "call_id": call_id, "from": from, "to": to }),
        ),
        ExchangeEvent::CallEnded { call_id } => ("call:ended", json!({ "call_id": call_id })),
        _ => return,
    };
    output.event(name, event, fields);
}
