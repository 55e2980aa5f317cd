//! Native WebRTC peer connections, codecs, audio sources and sinks
