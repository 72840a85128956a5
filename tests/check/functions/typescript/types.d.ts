export interface Message { touser: string }
