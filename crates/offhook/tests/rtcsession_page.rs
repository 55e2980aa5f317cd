//! `docs/rtcsession.md` against the reference page of JsSIP's `RTCSession`: no line of the page is
//! missing, every Rust name is public, every test named exists and runs.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The reference page, its names in their order.
const PAGE: &[(&str, &[&str])] = &[
    (
        "attribute",
        &[
            "connection",
            "direction",
            "local_identity",
            "remote_identity",
            "start_time",
            "end_time",
            "data",
        ],
    ),
    (
        "method",
        &[
            "isInProgress()",
            "isEstablished()",
            "isEnded()",
            "isReadyToReOffer()",
            "answer()",
            "terminate()",
            "sendDTMF()",
            "sendInfo()",
            "hold()",
            "unhold()",
            "renegotiate()",
            "isOnHold()",
            "mute()",
            "unmute()",
            "isMuted()",
            "refer()",
        ],
    ),
    (
        "option",
        &[
            "answer().extraHeaders",
            "answer().mediaConstraints",
            "answer().mediaStream",
            "answer().pcConfig",
            "answer().rtcConstraints",
            "answer().rtcAnswerConstraints",
            "answer().rtcOfferConstraints",
            "answer().sessionTimersExpires",
            "terminate().extraHeaders",
            "terminate().status_code",
            "terminate().reason_phrase",
            "terminate().body",
            "sendDTMF().tone",
            "sendDTMF().duration",
            "sendDTMF().interToneGap",
            "sendDTMF().extraHeaders",
            "sendDTMF().transportType",
            "sendInfo().contentType",
            "sendInfo().body",
            "sendInfo().extraHeaders",
            "hold().useUpdate",
            "hold().extraHeaders",
            "hold().done",
            "unhold().useUpdate",
            "unhold().extraHeaders",
            "unhold().done",
            "renegotiate().useUpdate",
            "renegotiate().extraHeaders",
            "renegotiate().rtcOfferConstraints",
            "renegotiate().done",
            "mute().audio",
            "mute().video",
            "unmute().audio",
            "unmute().video",
            "refer().target",
            "refer().extraHeaders",
            "refer().eventHandlers",
            "refer().replaces",
            "reinvite.callback",
            "reinvite.reject()",
            "reinvite.reject().extraHeaders",
            "reinvite.reject().status_code",
            "reinvite.reject().reason_phrase",
            "update.callback",
            "update.reject()",
            "update.reject().extraHeaders",
            "update.reject().status_code",
            "update.reject().reason_phrase",
            "refer.accept()",
            "refer.accept().newRTCSession",
            "refer.accept().options",
            "refer.reject()",
            "replaces.accept()",
            "replaces.accept().newRTCSession",
            "replaces.reject()",
            "icecandidate.ready()",
        ],
    ),
    (
        "event",
        &[
            "peerconnection",
            "connecting",
            "sending",
            "progress",
            "accepted",
            "confirmed",
            "ended",
            "failed",
            "newDTMF",
            "newInfo",
            "hold",
            "unhold",
            "muted",
            "unmuted",
            "reinvite",
            "update",
            "refer",
            "replaces",
            "sdp",
            "icecandidate",
            "getusermediafailed",
            "peerconnection:createofferfailed",
            "peerconnection:createanswerfailed",
            "peerconnection:setlocaldescriptionfailed",
            "peerconnection:setremotedescriptionfailed",
        ],
    ),
];

/// A row of the table, its cells without the bars.
struct Row {
    cells: Vec<String>,
}

impl Row {
    fn parse(line: &str) -> Option<Self> {
        let inner = line.strip_prefix("| ")?.strip_suffix('|')?;
        let cells = inner.split('|').map(|cell| cell.trim().to_owned());
        Some(Self {
            cells: cells.collect(),
        })
    }

    /// What stands between backticks in a cell.
    fn code(&self, cell: usize) -> Vec<&str> {
        let cell = self.cells.get(cell).map_or("", String::as_str);
        cell.split('`').skip(1).step_by(2).collect()
    }

    fn tests(&self) -> Vec<&str> {
        self.code(self.cells.len() - 1)
    }
}

fn root() -> PathBuf {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
    let root = crates.and_then(Path::parent);
    root.expect("the crate stands in the workspace").to_owned()
}

/// The rows of the page's table, and of the one beside it.
fn rows() -> (Vec<Row>, Vec<Row>) {
    let page = fs::read_to_string(root().join("docs/rtcsession.md")).expect("the page is there");
    let (page, beside) = page.split_once("## Beside the page").expect("two tables");
    let rows = |text: &str| text.lines().filter_map(Row::parse).skip(1).collect();
    (rows(page), rows(beside))
}

/// The sources under a folder, or of one file.
fn sources(path: &Path) -> String {
    if path.is_file() {
        return fs::read_to_string(path).expect("a source is readable");
    }
    let Ok(entries) = fs::read_dir(path) else {
        return String::new();
    };
    let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    paths
        .iter()
        .filter(|path| path.is_dir() || path.extension().is_some_and(|ending| ending == "rs"))
        .map(|path| sources(path))
        .collect()
}

/// Whether `crate::file::test` names a test that runs.
fn runs(test: &str) -> Result<(), String> {
    let [krate, file, name] = test.split("::").collect::<Vec<_>>()[..] else {
        return Err(format!("{test}: tests are named crate::file::test"));
    };
    let folder = root().join("crates").join(krate).join("tests");
    let text = [folder.join(format!("{file}.rs")), folder.join(file)]
        .iter()
        .map(|path| sources(path))
        .collect::<String>();
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let Some(at) = lines.iter().position(|line| {
        let function = line.strip_prefix("async ").unwrap_or(line);
        function
            .strip_prefix("fn ")
            .and_then(|rest| rest.strip_prefix(name))
            .is_some_and(|rest| rest.starts_with('('))
    }) else {
        return Err(format!("{test}: there is no such function"));
    };
    let attributes: Vec<&&str> = lines[..at]
        .iter()
        .rev()
        .take_while(|line| line.starts_with('#'))
        .collect();
    let is = |what: &str| attributes.iter().any(|line| line.contains(what));
    match (is("test"), is("ignore")) {
        (true, false) => Ok(()),
        (true, true) => Err(format!("{test}: it is ignored")),
        (false, _) => Err(format!("{test}: it is no test")),
    }
}

#[test]
fn every_line_of_the_page_has_a_row_and_no_row_is_invented() {
    let page: BTreeSet<(&str, &str)> = PAGE
        .iter()
        .flat_map(|(kind, names)| names.iter().map(|name| (*kind, *name)))
        .collect();
    let (rows, _) = rows();
    let mut told = BTreeSet::new();
    for row in rows.iter().filter(|row| !row.cells[0].starts_with('-')) {
        assert_eq!(row.cells.len(), 5, "{:?}", row.cells);
        for name in row.code(1) {
            assert!(told.insert((&*row.cells[0], name)), "{name} stands twice");
        }
    }
    let missing: Vec<_> = page.difference(&told).collect();
    let invented: Vec<_> = told.difference(&page).collect();
    assert!(missing.is_empty(), "not in docs/rtcsession.md: {missing:?}");
    assert!(invented.is_empty(), "not on the page: {invented:?}");
}

#[test]
fn the_page_has_25_events_and_each_is_one_of_the_session() {
    let (_, events) = PAGE.last().expect("the events");
    assert_eq!(events.len(), 25);
    let spelling = sources(&root().join("crates/offhook/src/session_event.rs"));
    for event in *events {
        assert!(spelling.contains(&format!("=> \"{event}\"")), "{event}");
    }
}

#[test]
fn every_row_names_a_test_that_runs() {
    let (page, beside) = rows();
    let mut faults = Vec::new();
    for row in page.iter().chain(&beside) {
        if row.cells[0].starts_with('-') {
            continue;
        }
        if row.tests().is_empty() {
            faults.push(format!("{:?} names no test", row.cells));
        }
        faults.extend(row.tests().into_iter().filter_map(|test| runs(test).err()));
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn every_rust_name_is_public() {
    let text: String = ["offhook", "core", "media"]
        .map(|krate| sources(&root().join("crates").join(krate).join("src")))
        .concat();
    let (page, beside) = rows();
    for row in page.iter().chain(&beside) {
        let column = if row.cells.len() == 5 { 2 } else { 1 };
        for name in row.code(column) {
            let (owner, member) = name.split_once("::").unwrap_or((name, ""));
            let owned = ["struct", "enum"]
                .iter()
                .any(|kind| text.contains(&format!("pub {kind} {owner}")));
            assert!(owned, "{name}: there is no public {owner}");
            let public = member.is_empty()
                || text.contains(&format!("pub fn {member}"))
                || text.contains(&format!("pub async fn {member}"))
                || text.contains(&format!("pub {member}:"))
                || text.contains(&format!("    {member},"))
                || text.contains(&format!("    {member}("))
                || text.contains(&format!("    {member} {{"));
            assert!(public, "{name}: there is no public {member}");
        }
    }
}
