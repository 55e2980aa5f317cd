//! `offhook exchange`

mod echo_number;
mod web;

use echo_number::EchoNumber;
use offhook::{Transport, redact};
use offhook_exchange::{Exchange, ExchangeEvent, PassingMessage};
use serde_json::{Map, Value, json};

use crate::args::{ExchangeArgs, Listen};
use crate::exit::{Code, Failure};
use crate::interrupts::Interrupts;
use crate::output::Output;
use web::Web;

pub(crate) async fn run(
    args: ExchangeArgs,
    verbose: u8,
    output: &Output,
    mut interrupts: Interrupts,
) -> Result<(), Failure> {
    let listen = listened(&args);
    let web = match &args.web {
        Some(folder) => {
            let folder = folder.as_deref();
            Some(Web::prepare(folder, &listen, &args.user, &args.domain)?)
        }
        None => None,
    };
    let mut builder = Exchange::builder().domain(&args.domain);
    for user in args.user.iter().chain(web.iter().flat_map(|web| &web.demo)) {
        builder = builder.user(&user.name, &user.password);
    }
    let echo_password = match args.echo || web.is_some() {
        true if args.user.iter().any(|user| user.name == echo_number::USER) => {
            return Err(Failure::new(
                Code::Usage,
                "the user echo of --user is the one that --echo and --web answer for",
                "Give the user another name, or leave --echo and --web out.",
            ));
        }
        true => Some(web::secret()?),
        false => None,
    };
    if let Some(password) = &echo_password {
        builder = builder.user(echo_number::USER, password);
    }
    if let Some(web) = &web {
        builder = builder.site(web.site());
    }
    if verbose > 0 {
        let output = output.clone();
        builder = builder.on_message(move |message| show(&message, &output));
    }
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
    let echo = match &echo_password {
        Some(password) => match EchoNumber::start(&exchange, password, output).await {
            Ok(echo) => Some(echo),
            Err(failure) => {
                exchange.stop().await;
                return Err(failure);
            }
        },
        None => None,
    };
    if let Some(web) = &web {
        web.tell(&exchange, output);
    }
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
    if let Some(echo) = echo {
        echo.stop().await;
    }
    exchange.stop().await;
    output.done();
    Ok(())
}

/// Where to listen; what is said wins over the default.
fn listened(args: &ExchangeArgs) -> Vec<Listen> {
    let websocket = Listen {
        transport: Transport::Ws,
        address: ([127, 0, 0, 1], 8080).into(),
    };
    let udp = Listen {
        transport: Transport::Udp,
        address: ([127, 0, 0, 1], 5060).into(),
    };
    match (args.listen.is_empty(), &args.web) {
        (false, _) => args.listen.clone(),
        // A first try is not to fail because there is another SIP phone on the machine.
        (true, Some(_)) => vec![websocket],
        (true, None) => vec![websocket, udp],
    }
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
