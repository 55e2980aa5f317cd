//! The `offhook` command.

fn main() {}
