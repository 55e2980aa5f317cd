//! Calls with video between two user agents of one process, directly over UDP.

mod common;

use std::path::PathBuf;
use std::time::Duration;

use common::{bob, caller, scratch, take_call};
use offhook::{
    AnswerOptions, Asks, MediaEvent, MediaKinds, ReofferOptions, Session, SessionEvent, Stats,
    TerminateOptions, VideoCodec, VideoFrame, VideoSink, VideoSource,
};

/// A busy machine may take this long; a story that waits so long has failed.
const PATIENCE: Duration = Duration::from_secs(30);

fn pattern(codec: &str) -> VideoSource {
    let name = format!("../../assets/pattern-{codec}.ivf");
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(name);
    VideoSource::ivf(path).expect("the asset")
}

async fn until(session: &Session, what: &str, wanted: impl Fn(&Stats) -> bool) -> Stats {
    let poll = async {
        let mut beat = tokio::time::interval(Duration::from_millis(10));
        loop {
            beat.tick().await;
            match session.stats().await {
                Some(stats) if wanted(&stats) => return stats,
                _ => {}
            }
        }
    };
    let found = tokio::time::timeout(PATIENCE, poll).await;
    found.unwrap_or_else(|_| panic!("no {what}"))
}

async fn wait(session: &Session, what: &str, wanted: impl Fn(&SessionEvent) -> bool) {
    let found = async {
        while let Some(event) = session.next().await {
            if wanted(&event) {
                return;
            }
        }
        panic!("the session ended before {what}");
    };
    let found = tokio::time::timeout(PATIENCE, found).await;
    found.unwrap_or_else(|_| panic!("no {what}"));
}

async fn sees(session: &Session) {
    wait(session, "video", |event| {
        matches!(event, SessionEvent::Media(MediaEvent::VideoReceived))
    })
    .await;
}

async fn hang_up(call: &Session) {
    call.terminate(TerminateOptions::default()).expect("a BYE");
    call.ended().await;
}

#[tokio::test]
async fn each_side_plays_a_file_and_records_the_others() {
    let folder = scratch("video");
    let (at_alice, at_bob) = (folder.join("alice.ivf"), folder.join("bob.ivf"));
    let (bob, address) = bob(Asks::default()).await;
    let alice = caller(Asks::default()).await;
    let call = alice
        .call(&address)
        .play_video(pattern("vp8"))
        .record_video(&at_alice)
        .start()
        .expect("a call");
    let answered = take_call(&bob).await;
    let answer = AnswerOptions::default()
        .play_video(pattern("h264"))
        .record_video(&at_bob);
    answered.answer(answer).expect("an answer");
    sees(&call).await;
    wait(&call, "the end of the file", |event| {
        matches!(event, SessionEvent::Media(MediaEvent::VideoPlayedOut))
    })
    .await;
    for session in [&call, &answered] {
        until(session, "all frames", |s| s.video.frames_received >= 75).await;
    }
    hang_up(&call).await;
    let stats = call.stats().await.expect("the last numbers");
    assert_eq!(stats.video.codec, Some(VideoCodec::Vp8));
    assert_eq!(stats.video.codec_received, Some(VideoCodec::H264));
    answered.ended().await;
    for (file, codec) in [(&at_alice, b"H264"), (&at_bob, b"VP80")] {
        let bytes = std::fs::read(file).expect("a recording");
        assert_eq!(&bytes[8..12], codec);
        let frames = u32::from_le_bytes(bytes[24..28].try_into().expect("four bytes"));
        assert!(frames >= 75, "{frames}");
        VideoSource::ivf(file).expect("it can be played");
    }
    std::fs::remove_dir_all(folder).expect("removed");
}

#[tokio::test]
async fn video_offered_to_one_who_takes_audio_only_is_declined_and_the_call_lives() {
    let (bob, address) = bob(Asks::default()).await;
    let alice = caller(Asks::default()).await;
    let call = alice.call(&address).play_video(pattern("vp8")).start();
    let call = call.expect("a call");
    let answered = take_call(&bob).await;
    let answer = AnswerOptions::default().echo();
    answered.answer(answer).expect("an answer");
    let stats = until(&call, "audio", |s| s.packets_received >= 10).await;
    assert_eq!(stats.video.frames_sent, 0);
    let connection = answered.connection().expect("a connection");
    let sdp = connection
        .local_description()
        .await
        .expect("the answer")
        .sdp;
    assert!(sdp.contains("m=video 0 "), "{sdp}");
    hang_up(&call).await;
}

#[tokio::test]
async fn muted_and_held_video_sends_nothing_and_comes_back_with_a_key_frame() {
    let (bob, address) = bob(Asks::default()).await;
    let alice = caller(Asks::default()).await;
    let (sink, mut frames) = VideoSink::frames();
    let call = alice
        .call(&address)
        .play_video(pattern("vp8").repeat(true))
        .start()
        .expect("a call");
    let answered = take_call(&bob).await;
    let answer = AnswerOptions::default().video_sink(sink);
    answered.answer(answer).expect("an answer");
    call.confirmed().await.expect("it stands");
    until(&answered, "video", |s| s.video.frames_received >= 5).await;

    let video = MediaKinds {
        video: true,
        ..MediaKinds::default()
    };
    call.mute(video).expect("muted");
    wait(&call, "mute", |e| matches!(e, SessionEvent::Muted { .. })).await;
    // What was on its way has come when the audio behind it has.
    let heard = |sessions: Stats| sessions.packets_received + 10;
    let enough = heard(answered.stats().await.expect("numbers"));
    until(&answered, "audio", |s| s.packets_received >= enough).await;
    let sent = call.stats().await.expect("numbers").video.frames_sent;
    let enough = heard(answered.stats().await.expect("numbers"));
    until(&answered, "audio", |s| s.packets_received >= enough).await;
    assert_eq!(call.stats().await.expect("numbers").video.frames_sent, sent);
    while frames.try_next().is_some() {}
    call.unmute(video).expect("unmuted");
    let next = tokio::time::timeout(PATIENCE, frames.next()).await;
    let first: VideoFrame = next.expect("in time").expect("a frame");
    assert!(first.key_frame);

    answered.hold(ReofferOptions::default()).expect("a hold");
    wait(&call, "hold", |e| matches!(e, SessionEvent::Hold { .. })).await;
    wait(&answered, "the answer", |e| {
        matches!(e, SessionEvent::Renegotiated { .. })
    })
    .await;
    let sent = call.stats().await.expect("numbers").video.frames_sent;
    answered.unhold(ReofferOptions::default()).expect("unheld");
    until(&call, "video again", |s| s.video.frames_sent > sent).await;
    sees(&answered).await;
    hang_up(&call).await;
}

#[tokio::test]
async fn video_is_added_to_a_call_that_stands() {
    let (bob, address) = bob(Asks::default()).await;
    let alice = caller(Asks::default()).await;
    let call = alice.call(&address).start().expect("a call");
    let answered = take_call(&bob).await;
    answered.answer(AnswerOptions::default()).expect("answered");
    call.confirmed().await.expect("it stands");
    answered.confirmed().await.expect("it stands");
    for session in [&call, &answered] {
        let connection = session.connection().expect("a connection");
        let added = connection.add_video(pattern("h264").repeat(true), VideoSink::discard());
        added.await.expect("added");
    }
    call.renegotiate(ReofferOptions::default())
        .expect("an offer");
    sees(&call).await;
    sees(&answered).await;
    hang_up(&call).await;
}
