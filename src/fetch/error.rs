//! Why an input can't be fetched. The messages hold nothing of its URL, which may hold secrets.

use std::io;

/// Why a URL names nothing that could be fetched, told before anybody is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It is no URL.
    #[error("the input's URL {0}")]
    Odd(&'static str),
    /// It leads to an address that may not be reached.
    #[error(
        "the input's URL leads to an address that this server doesn't fetch from: a local, private or reserved one; \
         the server's operator can allow its network (allow_network)"
    )]
    Forbidden,
}

/// Why an input wasn't fetched.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// Its URL, or where that redirects to, names nothing that could be fetched.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// A redirect that isn't followed.
    #[error("the server that has the input redirects {0}")]
    Redirect(&'static str),
    /// The server says it has no such thing.
    #[error("the server that should have the input says it isn't there ({0})")]
    Missing(u16),
    /// The server wants other credentials.
    #[error("the server that has the input refuses to hand it out ({0})")]
    Denied(u16),
    /// The server takes the request for wrong, or answers in a way that isn't understood.
    #[error("the server that has the input answers {0}, which is nothing that could be used")]
    Answer(u16),
    /// The server sends it in an encoding that wasn't asked for.
    #[error("the server that has the input sends it compressed, though it was asked not to")]
    Encoded,
    /// It is larger than allowed.
    #[error("the input is larger than the {limit} bytes that are fetched at most")]
    TooLarge {
        /// The bound.
        limit: u64,
    },
    /// It doesn't fit on the disk.
    #[error("the server's disk has too little room for the input")]
    NoRoom,
    /// The network or the other server failed, again and again; that may pass.
    #[error("the input couldn't be fetched: {0}")]
    Broken(Break),
    /// It can't be written here.
    #[error("the input couldn't be written to the server's disk: {}", .0.kind())]
    Disk(#[source] io::Error),
    /// This machine can't make requests at all.
    #[error("this server can't make HTTP requests")]
    Client,
}

/// What broke a transfer off. It may pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Break {
    /// There is no connection: the name isn't known, nobody listens.
    #[error("its server can't be reached")]
    Unreachable,
    /// The server can't prove that it is the one that was asked for.
    #[error("its server's certificate isn't trusted")]
    Untrusted,
    /// Nothing came for too long.
    #[error("its server sent nothing for too long")]
    Silent,
    /// The connection ended too early.
    #[error("its server broke off")]
    Ended,
    /// The server has trouble, or too much to do.
    #[error("its server answered {0}")]
    Busy(u16),
    /// What came isn't a part of what had come before.
    #[error("its server sent parts that don't fit together")]
    Unfitting,
}
