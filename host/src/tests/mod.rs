//! Loading and calling, against components made on the spot from the contract itself.

mod calls;
mod components;
mod loading;
