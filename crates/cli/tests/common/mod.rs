//! Runs the built command and reads what it says.

#![allow(dead_code, reason = "each test file uses its part")]

use std::io::{BufRead, BufReader, Read, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use serde_json::Value;

/// Longer than anything here takes on a slow machine.
const LIMIT: Duration = Duration::from_secs(60);

fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_offhook"));
    command
        .args(args)
        .env_remove("RUST_LOG")
        .env_remove("OFFHOOK_PASSWORD");
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// What a finished run left.
pub(crate) struct Finished {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Finished {
    fn new(
        Output {
            status,
            stdout,
            stderr,
        }: Output,
    ) -> Self {
        Self {
            code: code(status),
            out: String::from_utf8_lossy(&stdout).into_owned(),
            err: String::from_utf8_lossy(&stderr).into_owned(),
        }
    }

    /// The lines of standard output as JSON.
    pub(crate) fn lines(&self) -> Vec<Value> {
        let parse = |line| serde_json::from_str(line).expect("each line is JSON");
        self.out.lines().map(parse).collect()
    }
}

fn code(status: ExitStatus) -> i32 {
    status.code().expect("it ends by itself")
}

/// Runs it to its end.
pub(crate) fn run(args: &[&str]) -> Finished {
    Finished::new(command(args).output().expect("the command runs"))
}

/// A run that goes on, whose lines of JSON are read as they come.
pub(crate) struct Running {
    child: Child,
    input: Option<ChildStdin>,
    lines: Receiver<Value>,
    seen: Vec<Value>,
}

impl Running {
    pub(crate) fn start(args: &[&str]) -> Self {
        let mut args = args.to_vec();
        args.push("--json");
        let mut child = command(&args)
            .stdin(Stdio::piped())
            .spawn()
            .expect("the command runs");
        let (sender, lines) = channel();
        let out = child.stdout.take().expect("a pipe");
        std::thread::spawn(move || {
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                let line = serde_json::from_str(&line).expect("each line is JSON");
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        Self {
            input: child.stdin.take(),
            child,
            lines,
            seen: Vec::new(),
        }
    }

    /// Types a line.
    pub(crate) fn say(&mut self, line: &str) {
        let input = self.input.as_mut().expect("the input is open");
        writeln!(input, "{line}").expect("it listens");
    }

    /// Ends its input.
    pub(crate) fn say_no_more(&mut self) {
        self.input = None;
    }

    /// Waits for the next event of this name.
    pub(crate) fn wait_for(&mut self, name: &str) -> Value {
        self.wait_for_one(name, |_| true)
    }

    /// Waits for the next event of this name for which this holds.
    pub(crate) fn wait_for_one(&mut self, name: &str, holds: impl Fn(&Value) -> bool) -> Value {
        let until = Instant::now() + LIMIT;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let Ok(line) = self.lines.recv_timeout(left) else {
                let _ = self.child.kill();
                let mut err = String::new();
                if let Some(mut pipe) = self.child.stderr.take() {
                    let _ = pipe.read_to_string(&mut err);
                }
                panic!("no {name:?} after {:#?}\n{err}", self.seen);
            };
            self.seen.push(line.clone());
            if line["event"] == name && holds(&line) {
                return line;
            }
        }
    }

    /// What Ctrl-C does.
    pub(crate) fn interrupt(&self) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill")
            .args(["-INT", &id])
            .status()
            .expect("kill runs");
        assert!(sent.success());
    }

    /// Ends it by Ctrl-C; what it wrote to standard error.
    pub(crate) fn notes(mut self) -> String {
        self.interrupt();
        let mut notes = String::new();
        let mut pipe = self.child.stderr.take().expect("a pipe");
        pipe.read_to_string(&mut notes).expect("text");
        notes
    }

    /// Waits for its end; the exit code, and every event it told.
    pub(crate) fn finish(mut self) -> (i32, Vec<Value>) {
        let mut seen = std::mem::take(&mut self.seen);
        let until = Instant::now() + LIMIT;
        while let Ok(line) = self
            .lines
            .recv_timeout(until.saturating_duration_since(Instant::now()))
        {
            seen.push(line);
        }
        let status = self.child.wait().expect("it ends");
        (code(status), seen)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Ended already, if the test went well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The names of the events of JsSIP's session among these.
pub(crate) fn names(events: &[Value]) -> Vec<&str> {
    const NAMES: [&str; 7] = [
        "connecting",
        "progress",
        "accepted",
        "confirmed",
        "newDTMF",
        "ended",
        "failed",
    ];
    let names = events.iter().filter_map(|event| event["event"].as_str());
    names.filter(|name| NAMES.contains(name)).collect()
}

/// A file of this test's own.
pub(crate) fn file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{}-{name}", std::process::id()))
}

/// The test pattern in this codec.
pub(crate) fn pattern(codec: &str) -> PathBuf {
    let name = format!("../../assets/pattern-{codec}.ivf");
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// The speech that the demo plays.
pub(crate) fn speech() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../assets/speech.wav")
}

/// Somebody answers, directly over UDP: the run, and the address to call.
pub(crate) fn answering(args: &[&str]) -> (Running, String) {
    let mut all = vec![
        "answer",
        "sip:bob@127.0.0.1",
        "--listen",
        "udp:127.0.0.1:0",
        "--loopback",
    ];
    all.extend(args);
    let mut bob = Running::start(&all);
    let address = bob.wait_for("listening")["address"]
        .as_str()
        .expect("an address")
        .to_owned();
    (bob, format!("sip:bob@{address}"))
}
