//! The embedded database over the years: files made by every earlier version, newer ones, damaged ones, and copies.
