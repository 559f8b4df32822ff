/** The kit that all webviews are made of: native elements in the colours of the editor's theme. */
export { Button, IconButton } from './button.tsx';
export { DataTable, sortRows, type Column, type Order } from './data-table.tsx';
export { Checkbox, SearchField, Segmented, Select, Slider } from './fields.tsx';
export { Icon } from './icon.tsx';
export { announce, LiveRegion } from './live.tsx';
export { Badge, Facts, Progress, type Tone } from './marks.tsx';
export { Menu, type MenuItem } from './menu.tsx';
export { Banner, Empty, Failure, Loading } from './states.tsx';
export { TabPanel, Tabs, type Tab } from './tabs.tsx';
export { Tooltip } from './tooltip.tsx';
