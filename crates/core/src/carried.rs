//! What one billing period hands to the next: how much of a pool, a cap or a commitment is used up.
//!
//! Owns the shape and the look-up. Does not own the rules, which stand beside each feature. Rating
//! reads one value and returns the next: nothing is remembered anywhere else, so a draft can be
//! calculated again from what was carried into it.

use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::calendar::Period;
use crate::id::{FeatureId, LineId};

/// Uses of all features of a phase and its lines, ordered by key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Carried(Vec<(Key, Use)>);

/// What is used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Key {
    /// A feature of the phase.
    Phase(FeatureId),
    /// A feature of a line.
    Line(LineId, FeatureId),
    /// The units that built up in the tiers of a line.
    Tiers(LineId),
}

/// What of one feature is used.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Use {
    /// Units or major units of currency used since the feature began.
    pub lifetime: Decimal,
    /// Uses in the windows that later bills may still touch, oldest first.
    pub windows: Vec<WindowUse>,
    /// A phase's commitment: windows before this day are settled.
    pub settled_until: Option<Date>,
}

/// What is used of one window of a feature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WindowUse {
    /// The window.
    pub window: Period,
    /// Units or major units of currency used, granted or billed in it.
    pub used: Decimal,
    /// The amounts that the feature was applied to, in major units.
    pub base: Decimal,
}

impl Carried {
    /// The use of a feature, if it has been used before.
    pub fn find(&self, key: Key) -> Option<&Use> {
        let position = self.0.binary_search_by_key(&key, |entry| entry.0).ok()?;
        Some(&self.0[position].1)
    }

    /// The use of a feature, to be changed.
    pub fn entry(&mut self, key: Key) -> &mut Use {
        let position = match self.0.binary_search_by_key(&key, |entry| entry.0) {
            Ok(position) => position,
            Err(position) => {
                self.0.insert(position, (key, Use::default()));
                position
            }
        };
        &mut self.0[position].1
    }

    /// How many features have been used.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether nothing has been used.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Use {
    /// What is used of `window`: nothing, if it is new.
    pub fn window(&self, window: Period) -> WindowUse {
        let found = self.windows.iter().find(|use_| use_.window == window);
        found.copied().unwrap_or(WindowUse::new(window))
    }

    /// Replaces the use of a window, and forgets windows that end on or before `from`: no later
    /// service reaches them.
    pub fn set_window(&mut self, window_use: WindowUse, from: Date) {
        self.windows
            .retain(|other| other.window != window_use.window && other.window.end() > from);
        let position = self
            .windows
            .partition_point(|other| other.window < window_use.window);
        self.windows.insert(position, window_use);
    }
}

impl WindowUse {
    /// A window of which nothing is used.
    pub fn new(window: Period) -> WindowUse {
        WindowUse {
            window,
            used: Decimal::ZERO,
            base: Decimal::ZERO,
        }
    }
}
