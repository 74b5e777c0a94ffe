//! Whether an output is what was planned: it is read to its end (`inspect`), compared with the plan (`verify`), and
//! decoded (`decode`).

pub(super) mod decode;
pub(super) mod inspect;
pub(super) mod verify;
